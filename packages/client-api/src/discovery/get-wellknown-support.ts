import { notFound, s } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** Who helps with this server. {@link https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixsupport} */
export const getWellknownSupport = endpoint({
  method: 'GET',
  path: '/.well-known/matrix/support',
  auth: 'none',
  response: s.object({
    contacts: s.optional(
      s.array(s.object({ matrix_id: s.optional(s.string), email_address: s.optional(s.string), role: s.string })),
    ),
    support_page: s.optional(s.string),
  }),
  handle({ server }) {
    const { matrixId, email, page } = server.support
    const isReachable = matrixId !== undefined || email !== undefined
    if (!isReachable && page === undefined) throw notFound('Nobody is named who helps with this server')
    return {
      ...(isReachable && {
        contacts: [
          {
            ...(matrixId !== undefined && { matrix_id: matrixId }),
            ...(email !== undefined && { email_address: email }),
            role: 'm.role.admin',
          },
        ],
      }),
      ...(page !== undefined && { support_page: page }),
    }
  },
})
