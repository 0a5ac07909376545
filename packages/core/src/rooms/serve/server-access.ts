import { forbidden, type MatrixError, type RoomId, type ServerName } from '@hearth/protocol'
import type { EventRow, Store } from '@hearth/store'
import type { Room } from '../room.ts'
import type { RoomAcls } from '../room-acls.ts'
import type { RoomRegistry } from '../room-registry.ts'
import type { ServerJudge, ServerVisibility } from './server-visibility.ts'

/** A room that a server may ask about, with what decides how much of it. */
export interface ServedRoom {
  readonly room: Room
  /** Whether users of the server are joined now; otherwise they were once. */
  readonly isInRoom: boolean
  readonly judge: ServerJudge
}

/** Decides which servers may ask about a room at all. */
export class ServerAccess {
  readonly #deps: {
    readonly store: Store
    readonly rooms: RoomRegistry
    readonly acls: RoomAcls
    readonly visibility: ServerVisibility
  }

  constructor(deps: { store: Store; rooms: RoomRegistry; acls: RoomAcls; visibility: ServerVisibility }) {
    this.#deps = deps
  }

  /**
   * The room, for a server that is or was in it.
   *
   * @throws MatrixError M_FORBIDDEN for any other, for one that the room's access control list shuts out, and for a room
   *   that there is not: the answers do not differ.
   */
  async enter(roomId: RoomId, server: ServerName): Promise<ServedRoom> {
    const room = await this.#deps.rooms.find(roomId)
    const entered = room && (await this.find(room, server))
    if (!entered) throw notInRoom()
    return entered
  }

  /** The same, undefined for servers that may not ask. */
  async find(room: Room, server: ServerName): Promise<ServedRoom | undefined> {
    const { store, acls, visibility } = this.#deps
    const serverNid = await store.servers.find(server)
    const row = serverNid === undefined ? undefined : await store.roomServers.find(room.nid, serverNid)
    if (!row || !(await acls.isAllowed(room, server))) return undefined
    const isInRoom = row.joined > 0
    return { room, isInRoom, judge: visibility.judge(room, server, { isInRoom }) }
  }

  /**
   * Checks that a server may read the room as it was at an event: it is in the room, or was then.
   *
   * @throws MatrixError M_FORBIDDEN.
   */
  async requireAt({ isInRoom, judge }: ServedRoom, row: EventRow): Promise<void> {
    if (!isInRoom && !(await judge.wasJoinedAt(row))) throw notInRoom()
  }
}

/** The refusal of a server that may not ask about a room, or about a time of it, or a room that there is not. */
export function notInRoom(): MatrixError {
  return forbidden('Your server is not in this room')
}
