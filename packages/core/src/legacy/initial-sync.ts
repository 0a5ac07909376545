import type { JsonObject } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import { TimeSlice, type Clock } from '@hearth/runtime'
import type { StateMap, Store } from '@hearth/store'
import type { IgnoredUsers } from '../account-data/ignored-users.ts'
import { EventFilter } from '../events/event-filter.ts'
import type { EventSerializer } from '../events/event-serializer.ts'
import { viewerOf } from '../events/presented-event.ts'
import { jsonPieces, type JsonItems } from '../json-pieces.ts'
import { pushRulesType } from '../push/push-rules-content.ts'
import type { Requester } from '../requester.ts'
import { formatSyncToken, formatToken } from '../rooms/position-token.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomAccess } from '../rooms/room-access.ts'
import type { RoomDirectory } from '../rooms/room-directory.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { RoomRegistry } from '../rooms/room-registry.ts'
import type { Stays } from '../rooms/stays.ts'
import { accountDataObject, type AccountDataEntries, type AccountDataReader } from '../sync/account-data-reader.ts'
import type { RoomWatch } from '../sync/room-watch.ts'
import type { RoomWindows } from '../sync/room-window.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import { strippedState } from '../sync/stripped-state.ts'
import type { SyncIndex } from '../sync/sync-index.ts'
import type { UserRoom, UserStream } from '../sync/user-stream.ts'
import type { LegacyReceipts } from './legacy-receipts.ts'
import type { LegacyDialect, LegacyViews } from './legacy-views.ts'
import { presenceInvitation } from './presence-invitation.ts'
import type { UnrecordedEvents } from './unrecorded-events.ts'

const everything = new EventFilter()
const maxLimit = 1_000
/** Rooms that are put together at a time. */
const roomsAtATime = 100

export interface InitialSyncDeps {
  readonly store: Store
  readonly feed: StreamFeed
  readonly index: SyncIndex
  readonly rooms: RoomRegistry
  readonly events: RoomEvents
  readonly access: RoomAccess
  readonly stays: Stays
  readonly windows: RoomWindows
  readonly serializer: EventSerializer
  readonly accountData: AccountDataReader
  readonly ignoredUsers: IgnoredUsers
  readonly directory: RoomDirectory
  readonly receipts: LegacyReceipts
  readonly unrecorded: UnrecordedEvents
  readonly bus: Pick<Bus, 'last'>
  readonly views: LegacyViews
  readonly clock: Clock
}

export interface SnapshotOptions {
  /** The newest events that are given of each room, at most. */
  readonly limit: number
  readonly dialect: LegacyDialect
}

/** A room as far as somebody may see it. */
interface ReadableRoom {
  readonly room: Room
  readonly watch?: RoomWatch | undefined
  readonly upTo: number
}

/** The snapshots of the founding API: of the whole account, and of one room. */
export class InitialSync {
  readonly #deps: InitialSyncDeps

  constructor(deps: InitialSyncDeps) {
    this.#deps = deps
  }

  /**
   * All rooms of a user, with the newest `limit` events of each, and the token from which the event stream goes on: as JSON,
   * in pieces that are made while they are sent.
   */
  async ofAccount(
    requester: Requester,
    options: SnapshotOptions & { archived: boolean },
  ): Promise<AsyncIterable<string>> {
    const { feed, index, accountData, unrecorded, bus } = this.#deps
    const user = await index.user(requester.userNid, requester.userId)
    const { position } = feed
    const { last: serial } = bus
    const userRooms = [...user.rooms.values()].filter(({ membership, forgotten }) => {
      return !forgotten && (options.archived || (membership !== 'leave' && membership !== 'ban'))
    })
    const data = await accountData.changes(user, undefined, position)
    const others: JsonObject = {
      end: formatSyncToken({ position, serial, toDevice: 0 }),
      presence: await unrecorded.presence(requester, user, position, options.dialect),
      ...(options.dialect === 'founding' && { presence_invites: await this.#presenceInvitations(user) }),
      receipts: await this.#deps.receipts.changes(requester, userRooms, undefined, position),
      // Push rules have endpoints of their own in this API.
      account_data: data.global.filter(({ type }) => type !== pushRulesType).map(accountDataObject),
    }
    const rooms = this.#roomsInSlices(requester, userRooms, position, data, options)
    return jsonPieces(`${JSON.stringify(others).slice(0, -1)},"rooms":[`, rooms, ']}')
  }

  async #presenceInvitations({ userId, listed }: UserStream): Promise<JsonObject[]> {
    const ignored = await this.#deps.ignoredUsers.of(userId)
    const asking = [...listed.invitations.values()].filter((each) => !ignored.has(each.userId))
    return asking.map((each) => presenceInvitation(each.userId, userId))
  }

  async *#roomsInSlices(
    requester: Requester,
    userRooms: readonly UserRoom[],
    position: number,
    data: AccountDataEntries,
    options: SnapshotOptions,
  ): JsonItems {
    const slice = new TimeSlice(this.#deps.clock)
    for (let start = 0; start < userRooms.length; start += roomsAtATime) {
      const some = userRooms.slice(start, start + roomsAtATime)
      const items: string[] = []
      for (const room of await this.#roomsOf(requester, some, position, data, options)) {
        if (slice.isOver) await slice.rest()
        items.push(JSON.stringify(room))
      }
      yield items
    }
  }

  /**
   * One room, for whoever may read it.
   *
   * @throws MatrixError M_FORBIDDEN for those who may not.
   */
  async ofRoom(requester: Requester, room: Room, options: SnapshotOptions): Promise<JsonObject> {
    const { access, index, feed, accountData, unrecorded } = this.#deps
    const { membership = 'leave', upTo } = await access.forReading(room, requester.userId)
    const user = await index.user(requester.userNid, requester.userId)
    const userRoom = user.rooms.get(room.nid)
    const readable = { room, watch: userRoom?.watch, upTo: Math.min(upTo, feed.position) }
    const data = await accountData.changes(user, undefined, feed.position)
    const [snapshot] = await this.#snapshots(requester, [readable], options)
    return {
      room_id: room.id,
      membership,
      ...snapshot,
      account_data: (data.byRoom.get(room.nid) ?? []).map(accountDataObject),
      presence: await unrecorded.presenceIn(room, user, options.dialect),
      receipts: await this.#deps.receipts.changes(requester, userRoom ? [userRoom] : [], undefined, feed.position),
    }
  }

  async #roomsOf(
    requester: Requester,
    userRooms: readonly UserRoom[],
    position: number,
    data: AccountDataEntries,
    options: SnapshotOptions,
  ): Promise<JsonObject[]> {
    const { rooms, directory } = this.#deps
    const found = await rooms.findByNids(userRooms.map(({ roomNid }) => roomNid))
    const published = await directory.listPublished([...found.keys()])
    const readable = new Map<UserRoom, ReadableRoom>()
    for (const userRoom of userRooms) {
      const room = found.get(userRoom.roomNid)
      const upTo = room && (await this.#readableUpTo(room, userRoom, position))
      if (upTo !== undefined) readable.set(userRoom, { room: room!, watch: userRoom.watch, upTo })
    }
    const snapshots = await this.#snapshots(requester, [...readable.values()], options)
    const snapshotOf = new Map([...readable.keys()].map((userRoom, index) => [userRoom, snapshots[index]!]))
    const unwanted = await this.#unwantedInvitations(requester, userRooms)
    const known = userRooms.filter((userRoom) => found.has(userRoom.roomNid) && !unwanted.has(userRoom))
    return Promise.all(
      known.map(async (userRoom) => {
        const { membership, roomNid } = userRoom
        const room = found.get(roomNid)!
        const visibility = published.has(roomNid) ? 'public' : 'private'
        const own = (data.byRoom.get(roomNid) ?? []).map(accountDataObject)
        const base = { room_id: room.id, membership, visibility, account_data: own }
        const snapshot = snapshotOf.get(userRoom) ?? (await this.#outside(room, userRoom, options))
        return { ...base, ...snapshot }
      }),
    )
  }

  /** The invitations by users whom the invited one ignores. */
  async #unwantedInvitations(requester: Requester, userRooms: readonly UserRoom[]): Promise<ReadonlySet<UserRoom>> {
    const ignored = await this.#deps.ignoredUsers.of(requester.userId)
    const invitations = ignored.size === 0 ? [] : userRooms.filter(({ membership }) => membership === 'invite')
    const members = await this.#deps.events.findByNids(invitations.map(({ nid }) => nid))
    return new Set(invitations.filter(({ nid }) => ignored.has(members.get(nid)?.pdu.sender ?? '')))
  }

  /** How far a user may read one of their rooms; undefined where they may not. */
  async #readableUpTo(room: Room, { membership, nid }: UserRoom, position: number): Promise<number | undefined> {
    if (membership === 'join') return position
    if (membership === 'invite' || membership === 'knock') return undefined
    return (await this.#deps.stays.lastEnd(room, nid))?.pos
  }

  /** Of a room that its user never was in: how they were invited, if they are. */
  async #outside(room: Room, { membership, nid }: UserRoom, { dialect }: SnapshotOptions): Promise<JsonObject> {
    const { serializer, views } = this.#deps
    const [member] = await serializer.serializeNids(room, [nid])
    if (!member || membership !== 'invite') return {}
    const view = await views.of(room, dialect)
    const invite = view.event(member.toObject({ now: serializer.now() }))
    const invited = { ...invite, invite_room_state: await strippedState(this.#deps, room, nid) }
    return { inviter: member.source.pdu.sender, invite: invited }
  }

  /** The newest events and the state of rooms. */
  async #snapshots(
    requester: Requester,
    readable: readonly ReadableRoom[],
    { limit, dialect }: SnapshotOptions,
  ): Promise<JsonObject[]> {
    const { windows, serializer, views, clock } = this.#deps
    const read = await windows.readAll(
      requester,
      readable.map(({ room, watch, upTo }) => {
        const bounds = { after: undefined, upTo, limit: Math.min(limit, maxLimit) }
        return { room, watch, ...bounds, filter: everything, wasJoined: false }
      }),
    )
    const states = await Promise.all(readable.map(({ room, watch, upTo }) => windows.stateAt(room, watch, upTo)))
    const groups = readable.map(({ room }, index) => ({ room, nids: nidsOf(states[index]!) }))
    const serialized = await serializer.serializeNidsOfRooms(groups)
    const now = serializer.now()
    const slice = new TimeSlice(clock)
    const snapshots: JsonObject[] = []
    for (const [index, { room, upTo }] of readable.entries()) {
      if (slice.isOver) await slice.rest()
      const { events, start } = read[index]!
      const state = groups[index]!.nids.flatMap((nid): JsonObject[] => {
        const event = serialized.get(nid)
        return event ? [event.toObject({ now })] : []
      })
      const view = await views.of(room, dialect)
      snapshots.push({
        messages: {
          start: formatToken(start),
          end: formatToken(upTo),
          chunk: events.map((each) => view.event(each.client.toObject(viewerOf(each, now)))),
        },
        state: await views.state(room, dialect, state),
      })
    }
    return snapshots
  }
}

function nidsOf(state: StateMap): number[] {
  return [...state.entries()].map(({ nid }) => nid)
}
