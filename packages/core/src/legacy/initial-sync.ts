import type { JsonObject } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import { TimeSlice, type Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { IgnoredUsers } from '../account-data/ignored-users.ts'
import { EventFilter } from '../events/event-filter.ts'
import type { EventSerializer } from '../events/event-serializer.ts'
import { viewerOf } from '../events/presented-event.ts'
import { jsonPieces } from '../json-pieces.ts'
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
import type { OutsideRoom, OutsideRooms } from '../sync/outside-rooms.ts'
import type { RoomWatch } from '../sync/room-watch.ts'
import type { RoomWindows } from '../sync/room-window.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import { strippedState } from '../sync/stripped-state.ts'
import type { SyncIndex } from '../sync/sync-index.ts'
import type { UserRoom, UserStream } from '../sync/user-stream.ts'
import type { LegacyReceipts } from './legacy-receipts.ts'
import type { LegacyState, RoomAtState } from './legacy-state.ts'
import type { LegacyDialect, LegacyViews } from './legacy-views.ts'
import { outsideMembership } from './outside-membership.ts'
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
  readonly state: LegacyState
  readonly outside: OutsideRooms
  readonly clock: Clock
}

export interface SnapshotOptions {
  /** The newest events that are given of each room, at most. */
  readonly limit: number
  readonly dialect: LegacyDialect
}

interface AccountSnapshotOptions extends SnapshotOptions {
  readonly position: number
}

/** The newest events of a room, and the state after them. */
interface Snapshot {
  readonly messages: JsonObject
  readonly at: RoomAtState
}

/** A room as it is given: its fields, and its state if that is given too. */
interface ShownRoom {
  readonly fields: JsonObject
  readonly at?: RoomAtState
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
    const rooms = this.#roomPieces(requester, user, userRooms, data, { ...options, position })
    return enclosed(`${JSON.stringify(others).slice(0, -1)},"rooms":[`, rooms, ']}')
  }

  async #presenceInvitations({ userId, listed }: UserStream): Promise<JsonObject[]> {
    const ignored = await this.#deps.ignoredUsers.of(userId)
    const asking = [...listed.invitations.values()].filter((each) => !ignored.has(each.userId))
    return asking.map((each) => presenceInvitation(each.userId, userId))
  }

  async *#roomPieces(
    requester: Requester,
    user: UserStream,
    userRooms: readonly UserRoom[],
    data: AccountDataEntries,
    options: AccountSnapshotOptions,
  ): AsyncGenerator<string> {
    const slice = new TimeSlice(this.#deps.clock)
    let separator = ''
    for (let start = 0; start < userRooms.length; start += roomsAtATime) {
      const some = userRooms.slice(start, start + roomsAtATime)
      for (const room of await this.#roomsOf(requester, user, some, data, options)) {
        if (slice.isOver) await slice.rest()
        yield separator
        yield* this.#pieces(room, options.dialect)
        separator = ','
      }
    }
  }

  /** A room as JSON: its state comes last, so that it can be read while it is sent. */
  async *#pieces({ fields, at }: ShownRoom, dialect: LegacyDialect): AsyncGenerator<string> {
    const head = JSON.stringify(fields)
    if (at === undefined) yield head
    else yield* jsonPieces(`${head.slice(0, -1)},"state":[`, this.#deps.state.items(at, dialect), ']}')
  }

  /**
   * One room, for whoever may read it: as JSON, in pieces that are made while they are sent.
   *
   * @throws MatrixError M_FORBIDDEN for those who may not.
   */
  async ofRoom(requester: Requester, room: Room, options: SnapshotOptions): Promise<AsyncIterable<string>> {
    const { access, index, feed, accountData, unrecorded } = this.#deps
    const { membership = 'leave', upTo } = await access.forReading(room, requester.userId)
    const user = await index.user(requester.userNid, requester.userId)
    const userRoom = user.rooms.get(room.nid)
    const readable = { room, watch: userRoom?.watch, upTo: Math.min(upTo, feed.position) }
    const data = await accountData.changes(user, undefined, feed.position)
    const [snapshot] = await this.#snapshots(requester, [readable], options)
    const fields = {
      room_id: room.id,
      membership,
      messages: snapshot!.messages,
      account_data: (data.byRoom.get(room.nid) ?? []).map(accountDataObject),
      presence: await unrecorded.presenceIn(room, user, options.dialect),
      receipts: await this.#deps.receipts.changes(requester, userRoom ? [userRoom] : [], undefined, feed.position),
    }
    return this.#pieces({ fields, at: snapshot!.at }, options.dialect)
  }

  async #roomsOf(
    requester: Requester,
    user: UserStream,
    userRooms: readonly UserRoom[],
    data: AccountDataEntries,
    options: AccountSnapshotOptions,
  ): Promise<ShownRoom[]> {
    const { rooms, directory, outside } = this.#deps
    const foreign = await outside.of(user, userRooms)
    const found = await rooms.findByNids(userRooms.flatMap(({ roomNid }) => (foreign.has(roomNid) ? [] : [roomNid])))
    const published = await directory.listPublished([...found.keys()])
    const readable = new Map<UserRoom, ReadableRoom>()
    for (const userRoom of userRooms) {
      const room = found.get(userRoom.roomNid)
      const upTo = room && (await this.#readableUpTo(room, userRoom, options.position))
      if (upTo !== undefined) readable.set(userRoom, { room: room!, watch: userRoom.watch, upTo })
    }
    const snapshots = await this.#snapshots(requester, [...readable.values()], options)
    const snapshotOf = new Map([...readable.keys()].map((userRoom, index) => [userRoom, snapshots[index]!]))
    await this.#deps.state.prepare(snapshots.map(({ at }) => at))
    const unwanted = await this.#unwantedInvitations(requester, userRooms, foreign)
    const known = userRooms.filter((userRoom) => !unwanted.has(userRoom))
    const shown = await Promise.all(
      known.map(async (userRoom): Promise<ShownRoom[]> => {
        const { membership, roomNid } = userRoom
        const account_data = (data.byRoom.get(roomNid) ?? []).map(accountDataObject)
        const other = foreign.get(roomNid)
        if (other) return [{ fields: { ...this.#foreign(other), account_data } }]
        const room = found.get(roomNid)
        if (!room) return []
        const visibility = published.has(roomNid) ? 'public' : 'private'
        const base = { room_id: room.id, membership, visibility, account_data }
        const snapshot = snapshotOf.get(userRoom)
        return snapshot
          ? [{ fields: { ...base, messages: snapshot.messages }, at: snapshot.at }]
          : [{ fields: { ...base, ...(await this.#outside(room, userRoom, options)) } }]
      }),
    )
    return shown.flat()
  }

  /** The invitations by users whom the invited one ignores. */
  async #unwantedInvitations(
    requester: Requester,
    userRooms: readonly UserRoom[],
    foreign: ReadonlyMap<number, OutsideRoom>,
  ): Promise<ReadonlySet<UserRoom>> {
    const ignored = await this.#deps.ignoredUsers.of(requester.userId)
    const invitations = ignored.size === 0 ? [] : userRooms.filter(({ membership }) => membership === 'invite')
    const own = invitations.filter(({ roomNid }) => !foreign.has(roomNid))
    const members = await this.#deps.events.findByNids(own.map(({ nid }) => nid))
    return new Set(
      invitations.filter(({ roomNid, nid }) => {
        const member = foreign.get(roomNid)?.member ?? members.get(nid)
        return ignored.has(member?.pdu.sender ?? '')
      }),
    )
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

  /** Of a room that only other servers have told of: how its user was invited, if they are. */
  #foreign(outside: OutsideRoom): JsonObject {
    const { roomId, membership, member } = outside
    const base = { room_id: roomId, membership, visibility: 'private' }
    if (membership !== 'invite') return base
    return { ...base, inviter: member.pdu.sender, invite: outsideMembership(outside, this.#deps.clock.now()) }
  }

  /** The newest events and the state of rooms. */
  async #snapshots(
    requester: Requester,
    readable: readonly ReadableRoom[],
    { limit, dialect }: SnapshotOptions,
  ): Promise<Snapshot[]> {
    const { windows, serializer, views, clock } = this.#deps
    const read = await windows.readAll(
      requester,
      readable.map(({ room, watch, upTo }) => {
        const bounds = { after: undefined, upTo, limit: Math.min(limit, maxLimit) }
        return { room, watch, ...bounds, filter: everything, wasJoined: false }
      }),
    )
    const states = await Promise.all(readable.map(({ room, watch, upTo }) => windows.stateAt(room, watch, upTo)))
    const now = serializer.now()
    const slice = new TimeSlice(clock)
    const snapshots: Snapshot[] = []
    for (const [index, { room, upTo }] of readable.entries()) {
      if (slice.isOver) await slice.rest()
      const { events, start } = read[index]!
      const view = await views.of(room, dialect)
      snapshots.push({
        messages: {
          start: formatToken(start),
          end: formatToken(upTo),
          chunk: events.map((each) => view.event(each.client.toObject(viewerOf(each, now)))),
        },
        at: { room, state: states[index]! },
      })
    }
    return snapshots
  }
}

async function* enclosed(before: string, pieces: AsyncIterable<string>, after: string): AsyncGenerator<string> {
  yield before
  yield* pieces
  yield after
}
