import { MatrixError } from '@hearth/protocol'
import type { RoomDraft } from './send/room-draft.ts'

/**
 * Refuses guests where a room does not let them in.
 * @throws MatrixError M_GUEST_ACCESS_FORBIDDEN.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#guest-access}
 */
export async function requireGuestAccess(draft: RoomDraft): Promise<void> {
  const access = await draft.find('m.room.guest_access', '')
  if (!letsGuestsIn(access?.pdu.content)) {
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'This room does not let guests in')
  }
}

/** Whether the content of an `m.room.guest_access` event lets guests in. */
export function letsGuestsIn(content: Readonly<Record<string, unknown>> | undefined): boolean {
  return content?.['guest_access'] === 'can_join'
}
