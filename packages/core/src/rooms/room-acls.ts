import { forbidden, type ServerName } from '@hearth/protocol'
import { aclAllows } from '@hearth/rooms'
import type { Room } from './room.ts'
import type { RoomEvents } from './room-events.ts'

/**
 * Which servers may take part in a room, by its current state.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#server-access-control-lists-acls}
 */
export class RoomAcls {
  readonly #events: RoomEvents

  constructor(deps: { readonly events: RoomEvents }) {
    this.#events = deps.events
  }

  /** Whether the room lets a server take part; a room that says nothing lets all. */
  async isAllowed(room: Room, server: ServerName): Promise<boolean> {
    const acl = await this.#events.findState(room.head.state, 'm.room.server_acl', '')
    return acl === undefined || aclAllows(acl.pdu.content, server)
  }

  /** @throws MatrixError M_FORBIDDEN for a server that the room does not let take part. */
  async check(room: Room, server: ServerName): Promise<void> {
    if (!(await this.isAllowed(room, server))) throw forbidden('The room does not let your server take part')
  }
}
