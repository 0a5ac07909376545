import { createHmac } from 'node:crypto'

import type { HttpClient } from './http-client.ts'
import type { Session } from './matrix-client.ts'
import { UnexpectedAnswer } from './matrix-client.ts'

/** How accounts are made: with the server's registration secret, or by open registration. */
export interface RegistrationOptions {
  /** For `/_synapse/admin/v1/register`, which Synapse and Hearth have; without it the server must have open registration. */
  readonly secret?: string | undefined
}

interface Registered {
  readonly user_id: string
  readonly access_token: string
}

interface InteractiveChallenge {
  readonly session?: string
  readonly flows?: readonly { readonly stages: readonly string[] }[]
}

/** Makes an account and logs it in. */
export async function register(
  http: HttpClient,
  account: { readonly name: string; readonly password: string },
  { secret }: RegistrationOptions,
): Promise<Session> {
  const answer = secret === undefined ? await openly(http, account) : await bySecret(http, account, secret)
  return { userId: answer.user_id, token: answer.access_token }
}

/** Logs in with a password, which makes a new device. */
export async function login(
  http: HttpClient,
  account: { readonly name: string; readonly password: string },
): Promise<Session> {
  const path = '/_matrix/client/v3/login'
  const body = {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: account.name },
    password: account.password,
  }
  const answer = await http.send<Registered>({ method: 'POST', path, body })
  if (answer.status !== 200) throw new UnexpectedAnswer('POST', path, answer.status, answer.body)
  return { userId: answer.body.user_id, token: answer.body.access_token }
}

async function bySecret(
  http: HttpClient,
  account: { readonly name: string; readonly password: string },
  secret: string,
): Promise<Registered> {
  const path = '/_synapse/admin/v1/register'
  const { body: challenge } = await http.send<{ nonce: string }>({ method: 'GET', path })
  const mac = createHmac('sha1', secret)
    .update([challenge.nonce, account.name, account.password, 'notadmin'].join('\0'))
    .digest('hex')
  const body = { nonce: challenge.nonce, username: account.name, password: account.password, admin: false, mac }
  const answer = await http.send<Registered>({ method: 'POST', path, body })
  if (answer.status !== 200) throw new UnexpectedAnswer('POST', path, answer.status, answer.body)
  return answer.body
}

async function openly(
  http: HttpClient,
  account: { readonly name: string; readonly password: string },
): Promise<Registered> {
  const path = '/_matrix/client/v3/register'
  const body = { username: account.name, password: account.password }
  const first = await http.send<Registered & InteractiveChallenge>({ method: 'POST', path, body })
  if (first.status === 200) return first.body
  const dummy = 'm.login.dummy'
  const isOpen = first.body.flows?.some(({ stages }) => stages.length === 1 && stages[0] === dummy)
  if (first.status !== 401 || !isOpen) throw new UnexpectedAnswer('POST', path, first.status, first.body)
  const auth = { type: dummy, session: first.body.session }
  const second = await http.send<Registered>({ method: 'POST', path, body: { ...body, auth } })
  if (second.status !== 200) throw new UnexpectedAnswer('POST', path, second.status, second.body)
  return second.body
}
