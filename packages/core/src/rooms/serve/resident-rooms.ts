import { forbidden, notFound, type RoomId, type ServerName } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import type { Room } from '../room.ts'
import type { RoomAcls } from '../room-acls.ts'
import type { RoomRegistry } from '../room-registry.ts'

/** The rooms that this server is in, for servers that want to come in through it. */
export class ResidentRooms {
  readonly #deps: {
    readonly store: Store
    readonly rooms: RoomRegistry
    readonly acls: RoomAcls
    readonly serverName: ServerName
  }

  constructor(deps: { store: Store; rooms: RoomRegistry; acls: RoomAcls; serverName: ServerName }) {
    this.#deps = deps
  }

  /**
   * A room that users of this server are joined to.
   *
   * @throws MatrixError M_NOT_FOUND for any other; M_FORBIDDEN for a server that the room's access control list shuts out.
   */
  async get(roomId: RoomId, server: ServerName): Promise<Room> {
    const { store, rooms, acls, serverName } = this.#deps
    const room = await rooms.find(roomId)
    const own = room && (await store.roomServers.find(room.nid, await store.servers.intern(serverName)))
    if (!own || own.joined === 0) throw notFound('Unknown room')
    if (!(await acls.isAllowed(room, server))) throw forbidden('Your server is shut out of this room')
    return room
  }
}
