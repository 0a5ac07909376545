import { notFound, type RoomId, type ServerName } from '@hearth/protocol'
import { findRoomVersion, type JoinRules } from '@hearth/rooms'
import type { Membership, Store } from '@hearth/store'
import type { RemoteRoom } from '../remote-lookups/remote-room.ts'
import type { RemoteRooms } from '../remote-lookups/remote-rooms.ts'
import type { Requester } from '../requester.ts'
import { readRoomProfiles, type RoomProfile } from './room-profiles.ts'

/** What is shown of a room to whoever may join it, ask to, or read it. */
export interface RoomPreview extends RoomProfile {
  /** Absent where another server tells of a room that this one knows nothing of. */
  readonly roomNid?: number
  readonly roomId: RoomId
  /** null where another server does not say it. */
  readonly version: string | null
  /** How many are joined; a moment ago, perhaps. */
  readonly joined: number
}

/** A room that this server knows itself. */
export interface OwnRoomPreview extends RoomPreview {
  readonly roomNid: number
  readonly version: string
}

/** Who looks: their memberships by room. Nobody in particular has none. */
export type Viewer = ReadonlyMap<number, Membership>

/**
 * Shows rooms to those who are not in them.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias}
 */
export class RoomPreviews {
  readonly #store: Store
  readonly #remoteRooms: Pick<RemoteRooms, 'find'>
  readonly #serverName: ServerName

  constructor(deps: { store: Store; remoteRooms: Pick<RemoteRooms, 'find'>; serverName: ServerName }) {
    this.#store = deps.store
    this.#remoteRooms = deps.remoteRooms
    this.#serverName = deps.serverName
  }

  /** The one who looks; nobody who is known when absent. */
  async viewer(requester: Requester | undefined): Promise<Viewer> {
    if (requester === undefined) return new Map()
    const rows = await this.#store.localMemberships.listByUser(requester.userNid)
    return new Map(rows.map(({ roomNid, membership }) => [roomNid, membership]))
  }

  /**
   * A room; one that nobody here is in as other servers know it, which only users have asked for their sake.
   *
   * @throws MatrixError M_NOT_FOUND for a room that there is not, or not for them.
   */
  async get(roomId: RoomId, viewer: Viewer, via: readonly string[] | undefined): Promise<RoomPreview> {
    const preview = (await this.ofRooms([roomId], viewer)).get(roomId) ?? (await this.#ofRemote(roomId, viewer, via))
    if (!preview) throw notFound('There is no such room, or none that you may see')
    return preview
  }

  /** Those of these rooms that the viewer may see, as far as this server knows itself what goes on in them. */
  async ofRooms(roomIds: readonly RoomId[], viewer: Viewer): Promise<Map<RoomId, OwnRoomPreview>> {
    const { rooms, roomServers } = this.#store
    const known = await rooms.findAll(roomIds)
    const elsewhere = await roomServers.listElsewhere(
      known.map(({ nid }) => nid),
      this.#serverName,
    )
    const rows = known.filter(({ nid }) => !elsewhere.has(nid))
    const nids = rows.map(({ nid }) => nid)
    const [profiles, counts] = await Promise.all([readRoomProfiles(nids, this.#store), this.#countJoined(nids)])
    const allowing = await this.#allowing([...profiles.values()], viewer)
    return new Map(
      rows.flatMap(({ nid: roomNid, roomId, version }) => {
        const profile = profiles.get(roomNid)
        if (!profile || !isVisible(version, profile, { membership: viewer.get(roomNid), allowing })) return []
        return [[roomId, { ...profile, roomNid, roomId, version, joined: counts.get(roomNid) ?? 0 }] as const]
      }),
    )
  }

  /** Whether the viewer may see a room that another server tells of. */
  async mayPreview(room: RemoteRoom, viewer: Viewer): Promise<boolean> {
    const known = await this.#store.rooms.find(room.roomId)
    const membership = known && viewer.get(known.nid)
    return isVisible(room.version, room, { membership, allowing: await this.#allowing([room], viewer) })
  }

  async #ofRemote(
    roomId: RoomId,
    viewer: Viewer,
    via: readonly string[] | undefined,
  ): Promise<RoomPreview | undefined> {
    const found = via && (await this.#remoteRooms.find(roomId, via))
    if (!found || !(await this.mayPreview(found.room, viewer))) return undefined
    const known = await this.#store.rooms.find(roomId)
    return { ...found.room, ...(known && { roomNid: known.nid }) }
  }

  async #countJoined(nids: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const { roomStatistics, currentState } = this.#store
    const counts = await roomStatistics.countJoined(nids)
    // A new room is small, and quickly counted.
    const uncounted = nids.filter((nid) => !counts.has(nid))
    if (uncounted.length === 0) return counts
    for (const [nid, { join }] of await currentState.countMembers(uncounted)) counts.set(nid, join)
    return counts
  }

  /** The rooms whose members may join one of these, as far as the viewer is one. */
  async #allowing(profiles: readonly RoomProfile[], viewer: Viewer): Promise<ReadonlySet<RoomId>> {
    if (viewer.size === 0) return new Set()
    const allowed = profiles.flatMap(({ allowedRoomIds }) => allowedRoomIds)
    const rows = await this.#store.rooms.findAll([...new Set(allowed)])
    return new Set(rows.filter(({ nid }) => viewer.get(nid) === 'join').map(({ roomId }) => roomId))
  }
}

/** Of a room whose version is not told: what a join rule means wherever there is one of that name. */
const anyJoinRules: Pick<JoinRules, 'knockable' | 'byAuthorisation'> = {
  knockable: ['knock', 'knock_restricted'],
  byAuthorisation: ['restricted', 'knock_restricted'],
}

function isVisible(
  version: string | null,
  { worldReadable, joinRule, allowedRoomIds }: RoomProfile,
  viewer: { readonly membership: Membership | undefined; readonly allowing: ReadonlySet<RoomId> },
): boolean {
  const rules = version === null ? anyJoinRules : findRoomVersion(version)?.joinRules
  const { membership, allowing } = viewer
  if (worldReadable || membership === 'join' || membership === 'invite') return true
  if (membership === 'ban' || rules === undefined || joinRule === null) return false
  if (joinRule === 'public' || rules.knockable.includes(joinRule)) return true
  return rules.byAuthorisation.includes(joinRule) && allowedRoomIds.some((roomId) => allowing.has(roomId))
}
