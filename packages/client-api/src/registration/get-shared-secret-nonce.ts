import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'

/** A nonce for a registration with the shared secret. {@link https://element-hq.github.io/synapse/latest/admin_api/register_api.html} */
export const getSharedSecretNonce = endpoint({
  method: 'GET',
  path: '/_synapse/admin/v1/register',
  auth: 'none',
  response: s.object({ nonce: s.string }),
  async handle({ sharedSecretRegistration }) {
    return { nonce: await sharedSecretRegistration.nonce() }
  },
})
