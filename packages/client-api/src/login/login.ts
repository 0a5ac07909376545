import { userOfIdentifier, type LoggedIn } from '@hearth/core'
import { MatrixError, s, type Infer } from '@hearth/protocol'
import { endpoint, type ClientApiContext } from '../context.ts'
import { v3 } from '../paths.ts'
import { APPLICATION_SERVICE, noApplicationService } from './application-service.ts'
import { optionalTokenFields, tokenFields } from './token-fields.ts'

const loginBody = s.object({
  type: s.string,
  identifier: s.optional(s.object({ type: s.string, user: s.optional(s.string) })),
  user: s.optional(s.string),
  password: s.optional(s.string),
  token: s.optional(s.string),
  device_id: s.optional(s.string),
  initial_device_display_name: s.optional(s.string),
  refresh_token: s.optional(s.boolean),
})

/** Logs a device in. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3login} */
export const login = endpoint({
  method: 'POST',
  path: v3('/login'),
  auth: 'none',
  rateLimit: 'login',
  body: loginBody,
  response: s.object({
    user_id: s.string,
    home_server: s.string,
    device_id: s.string,
    ...optionalTokenFields,
    access_token: s.string,
  }),
  async handle(context, { body, ip }) {
    const { userId, session } = await logIn(context.login, body, ip)
    return {
      user_id: userId,
      home_server: context.server.serverName,
      device_id: session.deviceId,
      ...tokenFields(session),
    }
  },
})

function logIn(login: ClientApiContext['login'], body: Infer<typeof loginBody>, ip: string): Promise<LoggedIn> {
  const { device_id: deviceId, initial_device_display_name: displayName, refresh_token: refreshable } = body
  const device = { deviceId, displayName, refreshable }
  switch (body.type) {
    case 'm.login.password': {
      const user = userOfIdentifier(body)
      return login.withPassword({ user, password: required(body.password, 'password'), ip }, device)
    }
    case 'm.login.token':
      return login.withToken(required(body.token, 'token'), { ...device, ip })
    case APPLICATION_SERVICE:
      throw noApplicationService()
    default:
      throw new MatrixError('M_UNKNOWN', 'Bad login type', { status: 400 })
  }
}

function required(value: string | undefined, key: string): string {
  if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `${key} is missing`)
  return value
}
