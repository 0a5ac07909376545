import { notFound, type RoomId, type ServerName } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import type { RoomAcls } from '../room-acls.ts'
import type { OwnRoomPreview, RoomPreviews, Viewer } from '../room-previews.ts'
import type { RoomRegistry } from '../room-registry.ts'
import type { SpaceChild, SpaceChildren } from '../space-children.ts'

/** A space with its children, as another server is shown it. */
export interface ServedSpace {
  readonly room: OwnRoomPreview
  /** What the space says of its children. */
  readonly links: readonly SpaceChild[]
  /** Those of them that users of the other server could join or read. */
  readonly children: readonly OwnRoomPreview[]
  /** Children that this server knows and the other one has no way into. */
  readonly inaccessible: readonly RoomId[]
}

/** How many children are looked at: the first ones. */
const maxChildren = 500

/**
 * Shows other servers spaces of which this one knows more.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#spaces}
 */
export class ServedSpaces {
  readonly #deps: {
    readonly store: Store
    readonly rooms: RoomRegistry
    readonly acls: RoomAcls
    readonly previews: RoomPreviews
    readonly children: SpaceChildren
  }

  constructor(deps: {
    store: Store
    rooms: RoomRegistry
    acls: RoomAcls
    previews: RoomPreviews
    children: SpaceChildren
  }) {
    this.#deps = deps
  }

  /**
   * A room and, if it is a space, the rooms in it that users of the server could join or read.
   *
   * @throws MatrixError M_NOT_FOUND for a room that there is not, or not for them.
   */
  async get(origin: ServerName, roomId: RoomId, { suggestedOnly }: { suggestedOnly: boolean }): Promise<ServedSpace> {
    const viewer = await this.#viewer(origin)
    const preview = (await this.#previewsFor(origin, [roomId], viewer)).get(roomId)
    if (!preview) throw notFound('There is no such room, or none that your users could join')
    const isSpace = preview.roomType === 'm.space'
    const links = isSpace ? await this.#deps.children.of(preview.roomNid, { suggestedOnly }) : []
    const childIds = [...new Set(links.map((link) => link.roomId))].slice(0, maxChildren)
    const previews = await this.#previewsFor(origin, childIds, viewer)
    const known = await this.#deps.store.rooms.findAll(childIds.filter((childId) => !previews.has(childId)))
    const heads = await this.#deps.rooms.findByNids(known.map(({ nid }) => nid))
    const inaccessible = known.filter(({ nid }) => heads.has(nid)).map((row) => row.roomId)
    return { room: preview, links, children: [...previews.values()], inaccessible }
  }

  /** A server sees what any of its users may: it is as if it were joined to all of their rooms. */
  async #viewer(origin: ServerName): Promise<Viewer> {
    const { servers, roomServers } = this.#deps.store
    const serverNid = await servers.find(origin)
    const rows = serverNid === undefined ? [] : await roomServers.listByServer(serverNid)
    return new Map(rows.flatMap(({ roomNid, joined }) => (joined > 0 ? [[roomNid, 'join'] as const] : [])))
  }

  /** Those of these rooms that the server may see, and is not shut out of. */
  async #previewsFor(
    origin: ServerName,
    roomIds: readonly RoomId[],
    viewer: Viewer,
  ): Promise<Map<RoomId, OwnRoomPreview>> {
    const { rooms, acls, previews } = this.#deps
    const visible = await previews.ofRooms(roomIds, viewer)
    const found = await rooms.findByNids([...visible.values()].map(({ roomNid }) => roomNid))
    for (const [roomId, { roomNid }] of visible) {
      const room = found.get(roomNid)
      if (!room || !(await acls.isAllowed(room, origin))) visible.delete(roomId)
    }
    // In the order of the request, which is that of the space.
    return new Map(roomIds.flatMap((roomId) => (visible.has(roomId) ? [[roomId, visible.get(roomId)!] as const] : [])))
  }
}
