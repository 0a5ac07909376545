import { forbidden, invalidParam, type JsonObject, type RoomId } from '@hearth/protocol'
import type { Pdu } from '@hearth/rooms'
import type { Bus } from '@hearth/queues'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { IgnoredUsers } from '../account-data/ignored-users.ts'
import { EventFilter } from '../events/event-filter.ts'
import { viewerOf, type PresentedEvent } from '../events/presented-event.ts'
import type { Presence } from '../presence/presence.ts'
import type { Requester } from '../requester.ts'
import type { EventPresenter } from '../rooms/event-presenter.ts'
import { formatSyncToken, parseSyncToken, type SyncToken } from '../rooms/position-token.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomAccess } from '../rooms/room-access.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { RoomRegistry } from '../rooms/room-registry.ts'
import type { Stays } from '../rooms/stays.ts'
import type { TimelineScanner } from '../rooms/timeline-scan.ts'
import { accountDataObject, type AccountDataReader } from '../sync/account-data-reader.ts'
import type { OutsideRooms } from '../sync/outside-rooms.ts'
import type { RoomWatch } from '../sync/room-watch.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import { strippedState } from '../sync/stripped-state.ts'
import type { SyncIndex } from '../sync/sync-index.ts'
import type { Audience, UserRoom, UserStream } from '../sync/user-stream.ts'
import { waitForNews } from '../sync/wait-for-news.ts'
import type { LegacyReceipts } from './legacy-receipts.ts'
import type { LegacyDialect, LegacyViews } from './legacy-views.ts'
import { outsideMembership } from './outside-membership.ts'
import { presenceInvitation } from './presence-invitation.ts'
import type { UnrecordedEvents } from './unrecorded-events.ts'

export interface EventStreamRequest {
  readonly requester: Requester
  /** A token; the present when absent. */
  readonly from?: string | undefined
  readonly timeoutMs: number
  readonly limit: number
  /** Only this room's events. */
  readonly roomId?: RoomId | undefined
  readonly dialect: LegacyDialect
  readonly signal: AbortSignal
}

export interface EventStreamPage {
  readonly start: string
  readonly end: string
  readonly chunk: readonly JsonObject[]
}

export interface EventStreamDeps {
  readonly store: Store
  readonly feed: StreamFeed
  readonly index: SyncIndex
  readonly rooms: RoomRegistry
  readonly events: RoomEvents
  readonly access: RoomAccess
  readonly stays: Stays
  readonly scanner: TimelineScanner
  readonly presenter: EventPresenter
  readonly accountData: AccountDataReader
  readonly receipts: LegacyReceipts
  readonly ignoredUsers: IgnoredUsers
  readonly unrecorded: UnrecordedEvents
  readonly outside: OutsideRooms
  readonly presence: Presence
  readonly bus: Pick<Bus, 'last'>
  readonly views: LegacyViews
  readonly clock: Clock
}

const everything = new EventFilter()
const maxTimeoutMs = 180_000
/** Who waits at all waits for this long at least: asking again costs more than waiting. */
const minTimeoutMs = 500
const maxLimit = 1_000

/** What the stream tells at one position. */
interface StreamItem {
  readonly pos: number
  readonly events: readonly JsonObject[]
}

/** What the stream tells of one room, complete up to a position; Infinity when there is no more. */
interface RoomPart {
  readonly items: readonly StreamItem[]
  readonly reached: number
}

/** A room that somebody listens to who is not in it. */
interface Peek {
  readonly watch: RoomWatch
  /** The room as one of theirs, if today everybody may read it: else there is nothing but what was theirs to read. */
  readonly open: UserRoom | undefined
}

const nothing: RoomPart = { items: [], reached: Infinity }

/** The event stream of the founding API: the same changes as `/sync`, in one list and in the order of the stream. */
export class EventStream {
  readonly #deps: EventStreamDeps

  constructor(deps: EventStreamDeps) {
    this.#deps = deps
  }

  /**
   * The events after a token, at once when there are some, else as soon as one comes or the time is over.
   *
   * @throws MatrixError M_INVALID_PARAM for a bad token, M_FORBIDDEN for a room that the requester may not read.
   */
  async read(request: EventStreamRequest): Promise<EventStreamPage> {
    const { index, presence } = this.#deps
    const { requester } = request
    const known = request.from === undefined ? undefined : parseSyncToken(request.from)
    // Before anybody is told: their presence has to find the user's rooms in memory.
    await index.user(requester.userNid, requester.userId)
    const release = await presence.follow(requester, 'online')
    try {
      return await this.#read(request, known ?? this.#now())
    } finally {
      release()
    }
  }

  #now(): SyncToken {
    return { position: this.#deps.feed.position, serial: this.#deps.bus.last, toDevice: 0 }
  }

  async #read(request: EventStreamRequest, known: SyncToken): Promise<EventStreamPage> {
    const { requester, roomId, signal } = request
    const { feed, index, unrecorded, bus, clock } = this.#deps
    const from = known.position
    if (!(await feed.catchUp(from))) throw invalidParam('A token from the future')
    const timeoutMs = request.timeoutMs === 0 ? 0 : Math.max(request.timeoutMs, minTimeoutMs)
    const deadline = clock.monotonic() + Math.min(timeoutMs, maxTimeoutMs)
    let reached = from
    for (;;) {
      const user = await index.user(requester.userNid, requester.userId)
      const peeked = roomId === undefined ? undefined : await this.#peeked(requester, user, roomId)
      const wake = waitForNews(clock, peeked ? [user.waiters, peeked.watch.peekers] : [user.waiters], signal)
      try {
        // What was let go of before the wish was there would wake nobody.
        if (index.find(user.userNid) !== user || (peeked && !index.follows(peeked.watch))) continue
        const { last: serial } = bus
        const page = await this.#page(request, user, peeked, reached, Math.max(feed.position, reached))
        const range = { since: reached, known, position: page.end }
        const audience = audienceOf(user, peeked, roomId)
        const others = await unrecorded.changes(audience, range, request.dialect)
        const chunk = [...page.chunk, ...others]
        const remainingMs = deadline - clock.monotonic()
        if (chunk.length > 0 || remainingMs <= 0 || signal.aborted) {
          const heardTyping = unrecorded.isTypingHeard(audience)
          const end = { position: page.end, serial, heardTyping, toDevice: known.toDevice }
          return { start: formatSyncToken(known), end: formatSyncToken(end), chunk }
        }
        // What was passed over is not looked at again.
        reached = page.end
        if (reached >= feed.position) await wake.orTimeout(remainingMs)
      } finally {
        wake.cancel()
        index.unwatch(peeked?.watch)
      }
    }
  }

  /** The room that the stream is asked for, if it is not the user's but may be read by anybody. */
  async #peeked(requester: Requester, user: UserStream, roomId: RoomId): Promise<Peek | undefined> {
    const { rooms, access, index } = this.#deps
    const room = await rooms.get(roomId)
    if (user.rooms.get(room.nid)?.membership === 'join') return undefined
    if (!(await access.findForReading(room, requester.userId))) throw forbidden('You are not in this room')
    const isOpen = await access.isWorldReadable(room)
    const watch = index.watch(room.nid, room.id)
    // As if they had been in it all the time: what is new to them is what happens now.
    const open: UserRoom | undefined = isOpen
      ? { roomNid: room.nid, membership: 'join', pos: 0, nid: 0, watch }
      : undefined
    return { watch, open }
  }

  async #page(
    request: EventStreamRequest,
    user: UserStream,
    peeked: Peek | undefined,
    from: number,
    position: number,
  ): Promise<{ chunk: JsonObject[]; end: number }> {
    const { rooms, accountData } = this.#deps
    const { roomId } = request
    const limit = Math.min(request.limit, maxLimit)
    // Before anything is awaited: the user's rooms as they were at this position.
    const userRooms = user.roomsWithNews(from)
    const receiptRooms = peeked ? openRooms(peeked) : user.roomsWithReceipts(from)
    const data = await accountData.changes(user, from, position)
    const nids = [
      ...userRooms.map(({ roomNid }) => roomNid),
      ...data.byRoom.keys(),
      ...(peeked ? [peeked.watch.nid] : []),
    ]
    const found = await rooms.findByNids(nids)
    const isAsked = (room: Room | undefined) => room !== undefined && (roomId === undefined || room.id === roomId)

    const parts = await Promise.all([
      ...userRooms.flatMap((userRoom) => {
        const room = found.get(userRoom.roomNid)
        return room && isAsked(room) && !peeked ? [this.#partOf(request, room, userRoom, from, position, limit)] : []
      }),
      ...(peeked ? [this.#scan(request, found.get(peeked.watch.nid)!, { from, upTo: position, limit })] : []),
    ])
    const items = parts.flatMap((part) => part.items)
    if (roomId === undefined) {
      items.push(...(await this.#fromOutside(user, userRooms)))
      for (const entry of data.global) items.push({ pos: entry.pos, events: [accountDataObject(entry)] })
      if (request.dialect === 'founding') items.push(...(await this.#invitations(user, from, position)))
    }
    for (const [roomNid, entries] of data.byRoom) {
      const room = found.get(roomNid)
      if (!room || !isAsked(room)) continue
      for (const entry of entries) {
        items.push({ pos: entry.pos, events: [{ ...accountDataObject(entry), room_id: room.id }] })
      }
    }
    const complete = Math.min(position, ...parts.map(({ reached }) => reached))
    const known = items.filter(({ pos }) => pos <= complete).sort((a, b) => a.pos - b.pos)
    const taken = known.slice(0, limit)
    // What was left out comes with the next page.
    const end = taken.length < known.length ? taken.at(-1)!.pos : complete
    const receipts = await this.#deps.receipts.changes(request.requester, receiptRooms, from, end)
    const shownReceipts = receipts.filter((event) => roomId === undefined || event['room_id'] === roomId)
    return { end, chunk: [...taken.flatMap(({ events }) => events), ...shownReceipts] }
  }

  /** How the user was invited into rooms that this server is not in, but by those whom they ignore, and how that ended. */
  async #fromOutside(user: UserStream, userRooms: readonly UserRoom[]): Promise<StreamItem[]> {
    const outside = await this.#deps.outside.of(user, userRooms)
    if (outside.size === 0) return []
    const ignored = await this.#deps.ignoredUsers.of(user.userId)
    return userRooms.flatMap(({ roomNid, pos }): StreamItem[] => {
      const room = outside.get(roomNid)
      if (!room || (room.membership === 'invite' && ignored.has(room.member.pdu.sender))) return []
      return [{ pos, events: [outsideMembership(room, this.#deps.clock.now())] }]
    })
  }

  /** Who asked to see the user's presence, but for those whom they ignore. */
  async #invitations(user: UserStream, from: number, position: number): Promise<StreamItem[]> {
    const { invitations } = user.listed
    if (invitations.size === 0) return []
    const ignored = await this.#deps.ignoredUsers.of(user.userId)
    return [...invitations.values()]
      .filter(({ pos, userId }) => pos > from && pos <= position && !ignored.has(userId))
      .map(({ pos, userId }) => ({ pos, events: [presenceInvitation(userId, user.userId)] }))
  }

  /** What is new in one of the user's rooms: of one that they are not in, how it ended, and their membership since. */
  async #partOf(
    request: EventStreamRequest,
    room: Room,
    userRoom: UserRoom,
    from: number,
    position: number,
    limit: number,
  ): Promise<RoomPart> {
    const { membership, pos, nid, watch } = userRoom
    if (membership === 'join') {
      return this.#scan(request, room, { from, upTo: position, limit, watch, wasJoined: pos <= from })
    }
    const { end, laterNids } = await this.#deps.stays.lookBack(room, nid)
    const stay = end && end.pos > from ? await this.#scan(request, room, { from, upTo: end.pos, limit }) : nothing
    if (stay.reached !== Infinity) return stay
    const later = await this.#deps.presenter.presentMembership(request.requester, room, laterNids)
    const isNew = later.filter((each) => each.pos > from)
    return { items: [...stay.items, ...(await this.#render(request, room, isNew))], reached: Infinity }
  }

  async #scan(
    request: EventStreamRequest,
    room: Room,
    range: { from: number; upTo: number; limit: number; watch?: RoomWatch | undefined; wasJoined?: boolean },
  ): Promise<RoomPart> {
    const { scanner, presenter } = this.#deps
    const { from, upTo, limit, watch, wasJoined = false } = range
    const { userId } = request.requester
    const bounds = { after: from, upTo, direction: 'f', limit } as const
    const recent = watch?.timeline
    const scan = await scanner.scan({ room, userId, ...bounds, filter: everything, recent, wasJoined })
    const [presented] = await presenter.present(request.requester, [scan])
    return { items: await this.#render(request, room, presented!), reached: scan.isExhausted ? Infinity : scan.reached }
  }

  async #render(
    { requester, dialect }: EventStreamRequest,
    room: Room,
    presented: readonly PresentedEvent[],
  ): Promise<StreamItem[]> {
    const view = await this.#deps.views.of(room, dialect)
    const ignored = await this.#deps.ignoredUsers.of(requester.userId)
    const now = this.#deps.clock.now()
    const isUnwanted = ({ event: { pdu } }: PresentedEvent) => isInvitationOf(requester, pdu) && ignored.has(pdu.sender)
    const shown = presented.filter((each) => !isUnwanted(each))
    return Promise.all(
      shown.map(async (each): Promise<StreamItem> => {
        const event = each.client.toObject(viewerOf(each, now))
        const isInvitation = isInvitationOf(requester, each.event.pdu)
        const invited = isInvitation ? { invite_room_state: await strippedState(this.#deps, room, each.nid) } : {}
        return { pos: each.pos, events: view.changes(event).map((shown) => ({ ...shown, ...invited })) }
      }),
    )
  }
}

function openRooms({ open }: Peek): UserRoom[] {
  return open ? [open] : []
}

/** For whom the stream is, and of which rooms. */
function audienceOf(user: UserStream, peeked: Peek | undefined, roomId: RoomId | undefined): Audience {
  if (roomId === undefined) return user
  const asked = peeked ? openRooms(peeked) : [...user.rooms.values()].filter(({ watch }) => watch?.id === roomId)
  return { userNid: user.userNid, userId: user.userId, rooms: new Map(asked.map((room) => [room.roomNid, room])) }
}

function isInvitationOf({ userId }: Requester, { state_key: stateKey, content }: Pdu): boolean {
  return stateKey === userId && content['membership'] === 'invite'
}
