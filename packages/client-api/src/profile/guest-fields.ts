import type { Requester } from '@hearth/core'
import { MatrixError } from '@hearth/protocol'

/** @throws MatrixError M_GUEST_ACCESS_FORBIDDEN for a guest who wants to change more than the display name. */
export function checkGuestField({ isGuest }: Requester, name: string): void {
  if (isGuest && name !== 'displayname') {
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests may change nothing but their display name')
  }
}
