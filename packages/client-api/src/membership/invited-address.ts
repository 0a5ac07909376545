import type { InvitedAddress } from '@hearth/core'
import { s, type Infer } from '@hearth/protocol'

/** Somebody of whom an address is known. {@link https://spec.matrix.org/v1.19/client-server-api/#third-party-invites} */
export const invitedAddressBody = s.object({
  id_server: s.string,
  id_access_token: s.string,
  medium: s.string,
  address: s.string,
})

export function invitedAddress(body: Infer<typeof invitedAddressBody>): InvitedAddress {
  const { id_server: identityServer, id_access_token: accessToken, medium, address } = body
  return { identityServer, accessToken, medium, address }
}
