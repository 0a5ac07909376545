import type { JsonObject, RoomId } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Membership, Store } from '@hearth/store'
import type { IgnoredUsers } from '../account-data/ignored-users.ts'
import { allOf } from '../all-of.ts'
import { ClientEvent } from '../events/client-event.ts'
import type { EventFilter } from '../events/event-filter.ts'
import { unreadJson, type UnreadCounts, type UnreadRoom } from '../push/unread-counts.ts'
import { formatSyncToken, formatToken, type SyncToken } from '../rooms/position-token.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { RoomRegistry } from '../rooms/room-registry.ts'
import {
  accountDataJson,
  type AccountDataEntries,
  type AccountDataEntry,
  type AccountDataReader,
} from './account-data-reader.ts'
import type { EphemeralEvents } from './ephemeral-events.ts'
import type { OutsideRoom, OutsideRooms } from './outside-rooms.ts'
import type { PresenceEvents } from './presence-events.ts'
import type { KnownRoom, RoomRequests } from './room-requests.ts'
import { renderState } from './render-event.ts'
import type { RoomSection, RoomSections } from './room-sections.ts'
import { strippedState } from './stripped-state.ts'
import type { SyncView } from './sync-view.ts'
import type { ToDeviceMessages } from './to-device-messages.ts'
import type { UserRoom, UserStream } from './user-stream.ts'
import { throwIfGone } from './wait-for-news.ts'

export interface SyncAnswersDeps {
  readonly store: Store
  readonly rooms: RoomRegistry
  readonly events: RoomEvents
  readonly requests: RoomRequests
  readonly sections: RoomSections
  readonly accountData: AccountDataReader
  readonly ignoredUsers: IgnoredUsers
  readonly ephemeral: EphemeralEvents
  readonly outside: OutsideRooms
  readonly presence: PresenceEvents
  readonly toDevice: ToDeviceMessages
  readonly unread: UnreadCounts
  readonly clock: Clock
}

/** Rooms that are put together at a time. */
const roomsAtATime = 100

const noOutside: ReadonlyMap<number, OutsideRoom> = new Map()

const roomLists = ['join', 'invite', 'knock', 'leave'] as const

type RoomList = (typeof roomLists)[number]

/** A room's part of an answer whose end is made while it is sent. */
interface LongPart {
  readonly before: string
  readonly rest: () => AsyncGenerator<string>
}

/** The rooms' parts of an answer, each a list of `"!room:id":{...}`. */
type RoomParts = Readonly<Record<RoomList, (string | LongPart)[]>>

/** What is new in the rooms of an answer besides their events. */
interface RoomNews {
  readonly data: AccountDataEntries
  /** Ephemeral events as JSON. */
  readonly ephemeral: ReadonlyMap<number, readonly string[]>
  /** The rooms in which the user has read something: the counts of what is unread are new. */
  readonly read: ReadonlySet<number>
  /** The rooms in which something happened; in the others everything else stands still. */
  readonly changed: ReadonlySet<UserRoom>
}

/** What it takes to make an answer while it is sent. */
interface LongAnswer {
  readonly view: SyncView
  readonly user: UserStream
  readonly rooms: readonly UserRoom[]
  readonly news: RoomNews
  readonly signal: AbortSignal
}

/** What of a room is its reader's alone. */
interface OwnParts {
  readonly data: readonly AccountDataEntry[] | undefined
  /** Of rooms that they are joined to. */
  readonly unread: UnreadRoom | undefined
}

/** Puts together what `/sync` answers at a position. */
export class SyncAnswers {
  readonly #deps: SyncAnswersDeps

  constructor(deps: SyncAnswersDeps) {
    this.#deps = deps
  }

  /**
   * The answer as JSON; undefined when there is nothing to tell. The first answer of somebody who is in many rooms comes in
   * pieces, each read from the database when the one before it has been taken.
   *
   * @throws the signal's reason when it is aborted.
   */
  async build(
    view: SyncView,
    user: UserStream,
    signal: AbortSignal,
  ): Promise<string | AsyncIterable<string> | undefined> {
    // Before anything is awaited: these rooms are as they were at the answer's position.
    const changed = user.roomsWithNews(view.fullState ? undefined : view.since).filter((room) => isWanted(room, view))
    const [presence, toDevice, data, ephemeral, read] = await Promise.all([
      this.#deps.presence.events(view, user),
      this.#deps.toDevice.next(view, user),
      this.#deps.accountData.changes(user, view.since, view.position),
      this.#deps.ephemeral.changes(view, user),
      view.since === undefined ? [] : this.#deps.unread.roomsReadIn(user, view.since, view.position),
    ])
    const rooms = [
      ...changed,
      ...quietRooms(user, changed, [...data.byRoom.keys(), ...ephemeral.keys(), ...read], view.position),
    ]
    const news = { data, ephemeral, read: new Set(read), changed: new Set(changed) }
    const global = data.global.filter(({ type }) => view.filter.accountData.matchesType(type)).map(accountDataJson)
    const head = (): string =>
      `{"next_batch":"${this.tokenOf({ ...view, toDevice: toDevice.upTo }, user)}",` +
      `"account_data":{"events":[${global.join(',')}]},"presence":{"events":[${presence.join(',')}]},` +
      (toDevice.events.length > 0 ? `"to_device":{"events":[${toDevice.events.join(',')}]},` : '') +
      `"rooms":{`
    if (view.since === undefined && rooms.length > roomsAtATime) {
      return this.#pieces(head(), (name) => this.#roomsInSlices(name, { view, user, rooms, news, signal }))
    }
    const parts = noRooms()
    for (let start = 0; start < rooms.length; start += roomsAtATime) {
      throwIfGone(signal)
      await this.#addRooms(view, user, rooms.slice(start, start + roomsAtATime), news, parts)
    }
    const lists = Object.entries(parts) as [RoomList, (string | LongPart)[]][]
    if (
      view.since !== undefined &&
      global.length + presence.length + toDevice.events.length === 0 &&
      lists.every(([, list]) => list.length === 0)
    )
      return undefined
    if (lists.some(([, list]) => list.some(isLong))) return this.#pieces(head(), (name) => [parts[name]])
    const texts = lists as [RoomList, string[]][]
    return `${head()}${texts.map(([name, list]) => `"${name}":{${list.join(',')}}`).join(',')}}}`
  }

  async *#pieces(
    head: string,
    partsOf: (name: RoomList) => AsyncIterable<RoomParts[RoomList]> | Iterable<RoomParts[RoomList]>,
  ): AsyncGenerator<string> {
    let before = head
    for (const name of roomLists) {
      yield `${before}"${name}":{`
      let separator = ''
      for await (const parts of partsOf(name)) {
        for (const part of parts) {
          yield separator
          if (isLong(part)) {
            yield part.before
            yield* part.rest()
          } else yield part
          separator = ','
        }
      }
      yield '}'
      before = ','
    }
    yield '}}'
  }

  async *#roomsInSlices(
    name: RoomList,
    { view, user, rooms, news, signal }: LongAnswer,
  ): AsyncGenerator<RoomParts[RoomList]> {
    const own = rooms.filter((room) => listOf(room) === name)
    for (let start = 0; start < own.length; start += roomsAtATime) {
      throwIfGone(signal)
      const parts = noRooms()
      await this.#addRooms(view, user, own.slice(start, start + roomsAtATime), news, parts)
      yield parts[name]
    }
  }

  /** The token from which the next sync goes on. */
  tokenOf({ position, serial, toDevice }: Omit<SyncToken, 'heardTyping'>, user: UserStream): string {
    return formatSyncToken({ position, serial, heardTyping: this.#deps.ephemeral.isTypingHeard(user), toDevice })
  }

  async #addRooms(
    view: SyncView,
    user: UserStream,
    userRooms: readonly UserRoom[],
    news: RoomNews,
    parts: RoomParts,
  ): Promise<void> {
    const { data, changed } = news
    const outside = userRooms.every(isJoined) ? noOutside : await this.#deps.outside.of(user, userRooms)
    for (const room of outside.values()) await this.#addOutside(view, room, parts)
    const known = await this.#knownRooms(
      view,
      outside.size === 0 ? userRooms : userRooms.filter(({ roomNid }) => !outside.has(roomNid)),
    )
    const isOutside = ({ userRoom: { membership } }: KnownRoom) => membership === 'invite' || membership === 'knock'
    const invited = known.filter(isOutside)
    if (invited.length > 0) await Promise.all(invited.map((each) => this.#addStripped(view, each, parts)))

    const joined = known.filter(({ userRoom }) => isJoined(userRoom))
    const counted = joined.map(({ room, userRoom: { watch } }) => ({ room, watch }))
    const unread =
      this.#deps.unread.peek(user, counted, view.position) ?? (await this.#deps.unread.of(user, counted, view.position))
    const isQuiet = ({ userRoom }: KnownRoom) => !changed.has(userRoom)
    for (const each of known.filter(isQuiet)) {
      const own = { data: data.byRoom.get(each.room.nid), unread: unread.get(each.room.nid) }
      this.#addSection(view, each, quietSection(view), own, news, parts)
    }
    const inside = known.filter((each) => !isOutside(each) && !isQuiet(each))
    if (inside.length === 0) return
    const requests = await allOf(inside.map((each) => this.#deps.requests.of(view, each)))
    const sections = await this.#deps.sections.build(view, requests)
    // A client that may have dropped a room does not have what was set in it before.
    const isNewToSome = view.since !== undefined && requests.some(({ since }) => since === undefined)
    const all = isNewToSome ? await this.#deps.accountData.changes(user, undefined, view.position) : data
    inside.forEach((each, index) => {
      const source = requests[index]!.since === undefined ? all : data
      const own = { data: source.byRoom.get(each.room.nid), unread: unread.get(each.room.nid) }
      this.#addSection(view, each, sections[index]!, own, news, parts)
    })
  }

  /** Those of these rooms that the filter does not leave out. */
  async #knownRooms({ filter }: SyncView, userRooms: readonly UserRoom[]): Promise<KnownRoom[]> {
    const { rooms } = this.#deps
    const isMissing = userRooms.some(({ roomNid }) => !rooms.peek(roomNid))
    const found = isMissing ? await rooms.findByNids(userRooms.map(({ roomNid }) => roomNid)) : undefined
    return userRooms.flatMap((userRoom): KnownRoom[] => {
      const room = found ? found.get(userRoom.roomNid) : rooms.peek(userRoom.roomNid)
      return room && filter.matchesRoom(room.id) ? [{ userRoom, room }] : []
    })
  }

  /** A room that other servers told of: an invitation, a knock, or the event that ended it. */
  async #addOutside(
    view: SyncView,
    { roomId, membership, member, stripped }: OutsideRoom,
    parts: RoomParts,
  ): Promise<void> {
    const { filter, position } = view
    if (!filter.matchesRoom(roomId)) return
    if (membership === 'invite' || membership === 'knock')
      return this.#addState(view, roomId, membership, stripped, parts)
    const event = renderState(new ClientEvent(member, roomId), filter, this.#deps.clock.now())
    const timeline = `{"events":[${event}],"limited":false,"prev_batch":"${formatToken(position)}"}`
    parts.leave.push(
      `${JSON.stringify(roomId)}:{"timeline":${timeline},"state":{"events":[]},"account_data":{"events":[]}}`,
    )
  }

  /** An invitation or a knock: what somebody outside may know of the room. */
  async #addStripped(
    view: SyncView,
    { userRoom: { nid, membership }, room }: KnownRoom,
    parts: RoomParts,
  ): Promise<void> {
    await this.#addState(view, room.id, membership, await strippedState(this.#deps, room, nid), parts)
  }

  /** Stripped state, the member event last. Nobody is invited by whom they ignore. */
  async #addState(
    { requester }: SyncView,
    roomId: RoomId,
    membership: Membership,
    state: readonly JsonObject[],
    parts: RoomParts,
  ): Promise<void> {
    const inviter = state.at(-1)?.['sender'] as string
    if (membership === 'invite' && (await this.#deps.ignoredUsers.of(requester.userId)).has(inviter)) return
    const [list, key] = membership === 'invite' ? [parts.invite, 'invite_state'] : [parts.knock, 'knock_state']
    list.push(`${JSON.stringify(roomId)}:{"${key}":{"events":${JSON.stringify(state)}}}`)
  }

  #addSection(
    { since, fullState, filter }: SyncView,
    { userRoom: { membership }, room }: KnownRoom,
    section: RoomSection,
    { data = [], unread }: OwnParts,
    news: RoomNews,
    parts: RoomParts,
  ): void {
    const entries = matching(data, filter.roomAccountData, room).map(accountDataJson)
    const ephemeral = filter.ephemeral.matchesRoom(room.id) ? (news.ephemeral.get(room.nid) ?? []) : []
    const isEmpty = section.isEmpty && entries.length + ephemeral.length === 0 && !news.read.has(room.nid)
    if (isEmpty && since !== undefined && !fullState) return
    const own = [...section.parts, `"account_data":{"events":[${entries.join(',')}]}`]
    if (membership === 'join') own.push(`"ephemeral":{"events":[${ephemeral.join(',')}]}`)
    if (unread) own.push(unreadJson(unread, filter))
    const list = membership === 'join' ? parts.join : parts.leave
    const { longState } = section
    if (longState === undefined) list.push(`${JSON.stringify(room.id)}:{${own.join(',')}}`)
    else list.push({ before: `${JSON.stringify(room.id)}:{${own.join(',')},`, rest: () => closed(longState()) })
  }
}

async function* closed(pieces: AsyncGenerator<string>): AsyncGenerator<string> {
  yield* pieces
  yield '}'
}

function isLong(part: string | LongPart): part is LongPart {
  return typeof part !== 'string'
}

function isJoined({ membership }: UserRoom): boolean {
  return membership === 'join'
}

function noRooms(): RoomParts {
  return { join: [], invite: [], knock: [], leave: [] }
}

/** The list that a room stands in. */
function listOf({ membership }: UserRoom): RoomList {
  return membership === 'ban' ? 'leave' : membership
}

/** Whether an answer tells of a room that may have news at all. */
function isWanted({ membership, pos, forgotten }: UserRoom, { since, filter }: SyncView): boolean {
  if (membership === 'join') return true
  if (since !== undefined) return pos > since
  return membership === 'invite' || membership === 'knock' || (filter.includeLeave && !forgotten)
}

/** Those of these rooms whose timeline and state stand still. */
function quietRooms(
  user: UserStream,
  changed: readonly UserRoom[],
  roomNids: readonly number[],
  position: number,
): UserRoom[] {
  if (roomNids.length === 0) return []
  const known = new Set(changed.map(({ roomNid }) => roomNid))
  return [...new Set(roomNids)].flatMap((roomNid) => {
    const room = known.has(roomNid) ? undefined : user.rooms.get(roomNid)
    return room?.membership === 'join' && room.pos <= position ? [room] : []
  })
}

/** The section of a room whose timeline and state stand still, at the cost of a string. */
function quietSection({ position, useStateAfter }: SyncView): RoomSection {
  const timeline = `"timeline":{"events":[],"limited":false,"prev_batch":"${formatToken(position)}"}`
  return { parts: [timeline, `"${useStateAfter ? 'state_after' : 'state'}":{"events":[]}`], isEmpty: true }
}

function matching(entries: readonly AccountDataEntry[], filter: EventFilter, room: Room): readonly AccountDataEntry[] {
  return filter.matchesRoom(room.id) ? entries.filter(({ type }) => filter.matchesType(type)) : []
}
