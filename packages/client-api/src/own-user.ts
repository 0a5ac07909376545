import type { Requester } from '@hearth/core'
import { forbidden, type UserId } from '@hearth/protocol'

/** @throws MatrixError M_FORBIDDEN unless a path's user is who asks: clients have nothing to do with others' data. */
export function checkOwnUser(requester: Requester, userId: UserId): void {
  if (requester.userId !== userId) throw forbidden('This belongs to another user')
}
