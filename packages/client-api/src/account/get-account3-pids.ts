import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'

/**
 * The email addresses and telephone numbers of an account: none, since this server lets nobody add any and says so in its
 * capabilities. Clients ask all the same. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3account3pid}
 */
export const getAccount3PIDs = endpoint({
  method: 'GET',
  path: v3('/account/3pid'),
  auth: 'user',
  response: s.object({ threepids: s.array(s.record<unknown>(s.unknown)) }),
  handle() {
    return { threepids: [] }
  },
})
