import { MatrixError, type RoomId, type UserId } from '@hearth/protocol'
import type { SigningKey } from '@hearth/crypto'
import { roomIdOf, type RoomVersion } from '@hearth/rooms'
import type { Clock, Logger } from '@hearth/runtime'
import {
  CommitUnknown,
  StateMap,
  type ClientTransaction,
  type CommitOutcome,
  type NewEvent,
  type RoomCommit,
  type Store,
} from '@hearth/store'
import type { StreamFeed } from '../../sync/stream-feed.ts'
import type { PolicyServers } from '../policy/policy-servers.ts'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import type { RoomInbox, RoomMailboxes } from '../room-mailboxes.ts'
import type { RoomRegistry } from '../room-registry.ts'
import { changesOf } from './changes-of.ts'
import { randomRoomId } from '../random-room-id.ts'
import type { Proposal, SentEvent } from './proposal.ts'
import { RoomDraft, type DraftedEvent } from './room-draft.ts'
import { isSameTransaction } from './transaction-scope.ts'

/** What a plan comes to: events to send together, or an event that is there already and serves as the answer. */
export type Plan = readonly Proposal[] | { readonly existing: SentEvent }

/** Looks at a room as it will be when the events are sent, and decides what to send. May throw a MatrixError. */
export type Planner = (draft: RoomDraft) => Promise<Plan> | Plan

interface Item {
  readonly plan: Planner
  readonly members: readonly UserId[]
  readonly resolve: (sent: readonly SentEvent[]) => void
  readonly reject: (error: unknown) => void
  /** How often another process was faster. */
  lostRaces: number
}

/** The events of one item within a draft. */
interface Accepted {
  readonly item: Item
  readonly start: number
  readonly end: number
  /** Requests that these events answer too: they came before this one was answered and ask for the same. */
  readonly others: { readonly item: Item; readonly sent: readonly SentEvent[] }[]
}

export interface EventSenderDeps {
  readonly store: Store
  readonly rooms: RoomRegistry
  readonly mailboxes: RoomMailboxes
  readonly events: RoomEvents
  readonly feed: StreamFeed
  readonly serverName: string
  readonly signingKey: SigningKey
  /** None when absent. */
  readonly policies?: Pick<PolicyServers, 'of' | 'sign'> | undefined
  readonly clock: Clock
  readonly logger: Logger
}

const maxLostRaces = 20

/**
 * The one way in which local events come into being: a room's mailbox takes wishes in order, builds them on the room's
 * head, authorizes them, and commits what it has as one chain. It answers after the commit.
 */
export class EventSender {
  readonly #deps: EventSenderDeps
  readonly #inbox: RoomInbox<Item>
  #lastCreation = 0

  constructor(deps: EventSenderDeps) {
    this.#deps = deps
    this.#inbox = deps.mailboxes.register((roomNid, batch) => this.#work(roomNid, batch))
  }

  /**
   * Sends what `plan` decides on, all of it or nothing. `members` are the users whose memberships the plan is about: those of
   * all plans that wait are looked up together.
   *
   * @returns the events in the order of the plan.
   * @throws MatrixError what the plan or the room's rules refuse; M_LIMIT_EXCEEDED when the room has too much waiting.
   */
  send(room: Room, plan: Planner, members: readonly UserId[] = []): Promise<readonly SentEvent[]> {
    return new Promise((resolve, reject) => {
      const posted = this.#inbox.post(room.nid, { plan, members, resolve, reject, lostRaces: 0 })
      if (!posted)
        reject(new MatrixError('M_LIMIT_EXCEEDED', 'The room is busy', { fields: { retry_after_ms: 1_000 } }))
    })
  }

  /**
   * Builds, on the room's head as it is, the event that `plan` decides on, without sending it: others are to see it first.
   *
   * @throws MatrixError what the plan or the room's rules refuse.
   */
  async propose(room: Room, plan: Planner): Promise<DraftedEvent | { readonly existing: SentEvent }> {
    const draft = this.#draft({ ...room })
    const planned = await plan(draft)
    return 'existing' in planned ? planned : draft.append(planned[0]!)
  }

  /** Sends one event. @see send */
  async sendOne(room: Room, plan: Planner, members?: readonly UserId[]): Promise<SentEvent> {
    const [sent] = await this.send(room, plan, members)
    return sent!
  }

  /** The event that a transaction made before: the answer to a repeated request. */
  async findSent(transaction: ClientTransaction): Promise<SentEvent | undefined> {
    const found = await this.#deps.store.clientTransactions.find(transaction)
    if (!found) return undefined
    await this.#comeTo(found.nid)
    return { eventId: found.eventId, existing: true }
  }

  /**
   * Starts a draft of a new room with its create event, which from room version 12 on gives the room its id; before, it
   * may be given.
   *
   * @throws MatrixError what the create event's rules refuse.
   */
  async draftRoom(version: RoomVersion, create: Proposal, roomId?: RoomId): Promise<RoomDraft> {
    const { store, serverName } = this.#deps
    const timed = { ...create, originServerTs: create.originServerTs ?? this.#creationTime() }
    const head = { lastPos: 0, depth: 0, stateNid: 0, state: StateMap.empty, extremities: [] }
    const id =
      version.roomIds === 'create-event'
        ? // Building is deterministic: built once for the id and once for the room.
          roomIdOf(version, this.#draft({ nid: 0, id: '' as RoomId, version, head }).build(timed, []).event)
        : (roomId ?? randomRoomId(serverName))
    const nid = await store.rooms.reserveNid()
    const draft = this.#draft({ nid, id, version, head })
    await draft.append(timed)
    return draft
  }

  /** Commits the first events of a room, which exists from then on. */
  async create(draft: RoomDraft): Promise<readonly SentEvent[]> {
    const { commit, outcome } = await this.#write(draft)
    if (outcome.kind === 'duplicate-txn') {
      await this.#comeTo(outcome.nid)
      return [{ eventId: outcome.eventId, existing: true }]
    }
    if (outcome.kind === 'head-moved') throw new Error(`room ${draft.room.id} exists already`)
    this.#deps.rooms.add(draft.room)
    await this.#advance(draft, commit.events, outcome.firstPos)
    return sentEvents(draft.drafted)
  }

  /** The present, but never twice: two create events that are alike in all else would make one room. */
  #creationTime(): number {
    return (this.#lastCreation = Math.max(this.#deps.clock.now(), this.#lastCreation + 1))
  }

  #draft(room: Room): RoomDraft {
    const { events, serverName, signingKey, clock } = this.#deps
    return new RoomDraft(room, { events, serverName, signingKey, now: () => clock.now() })
  }

  async #work(roomNid: number, batch: Item[]): Promise<readonly Item[]> {
    try {
      const room = await this.#deps.rooms.findByNid(roomNid)
      if (!room) throw new MatrixError('M_NOT_FOUND', 'Unknown room')
      const draft = this.#draft(room)
      const members = batch.flatMap((item) => item.members)
      if (members.length > 0) await draft.prepareMembers(members)
      const accepted = await this.#draftAll(draft, batch)
      if (accepted.length === 0) return []
      const rest = await this.#haveSigned(draft, accepted)
      if (rest !== undefined) return rest
      return await this.#commit(draft, accepted)
    } catch (error) {
      // Whether a failed commit took place is known only to the database.
      this.#deps.rooms.forget(roomNid)
      for (const item of batch) item.reject(error)
      return []
    }
  }

  async #draftAll(draft: RoomDraft, batch: readonly Item[]): Promise<Accepted[]> {
    const accepted: Accepted[] = []
    for (const item of batch) {
      const start = draft.savepoint()
      let planned: Plan = []
      try {
        const plan = (planned = await item.plan(draft))
        const earlier = findEarlier(draft, accepted, plan)
        if (earlier) {
          // It is not committed: who else asks for it is not told so either.
          const sent =
            'existing' in plan ? [plan.existing] : sentEvents(draft.drafted.slice(earlier.start, earlier.end))
          earlier.others.push({ item, sent: sent.map((event) => ({ ...event, existing: true })) })
          continue
        }
        if ('existing' in plan) {
          void this.#comeTo(draft.room.head.lastPos).then(() => item.resolve([plan.existing]))
          continue
        }
        for (const proposal of plan) await draft.append(proposal)
        if (draft.drafted.length === start.length) item.resolve([])
        else accepted.push({ item, start: start.length, end: draft.drafted.length, others: [] })
      } catch (error) {
        draft.rollback(start)
        await this.#refuse(item, planned, error)
      }
    }
    return accepted
  }

  /**
   * Has the room's policy server, if there is one, sign what is to be sent. Where it refuses something, what else was to be
   * sent is given back: it is to be built anew, without that.
   */
  async #haveSigned(draft: RoomDraft, accepted: readonly Accepted[]): Promise<Item[] | undefined> {
    const { policies } = this.#deps
    const policy = await policies?.of(draft.room)
    if (policies === undefined || policy === undefined) return undefined
    const refusals = new Map<number, unknown>()
    const sign = async (drafted: DraftedEvent, index: number): Promise<void> => {
      const signed = await policies.sign(draft.room, policy, drafted)
      draft.drafted[index] = { ...drafted, ...signed }
    }
    await Promise.all(
      draft.drafted.map((drafted, index) => sign(drafted, index).catch((error: unknown) => refusals.set(index, error))),
    )
    if (refusals.size === 0) return undefined
    const rest: Item[] = []
    for (const each of accepted) {
      const refused = [...refusals.keys()].find((index) => index >= each.start && index < each.end)
      if (refused === undefined) rest.push(...itemsOf(each))
      else for (const item of itemsOf(each)) item.reject(refusals.get(refused))
    }
    return rest
  }

  /** Refuses a plan, unless it is the repetition of one that was carried out when it was still allowed. */
  async #refuse(item: Item, plan: Plan, error: unknown): Promise<void> {
    const transaction = 'existing' in plan ? undefined : plan[0]?.transaction
    const sent = transaction && (await this.findSent(transaction).catch(() => undefined))
    if (sent) item.resolve([sent])
    else item.reject(error)
  }

  async #commit(draft: RoomDraft, accepted: readonly Accepted[]): Promise<readonly Item[]> {
    const { room } = draft
    const { commit, outcome } = await this.#write(draft)
    switch (outcome.kind) {
      case 'committed': {
        await this.#advance(draft, commit.events, outcome.firstPos)
        for (const { item, start, end, others } of accepted) {
          item.resolve(sentEvents(draft.drafted.slice(start, end)))
          for (const other of others) other.item.resolve(other.sent)
        }
        return []
      }
      case 'duplicate-txn': {
        // The answer was lost or is still on its way: the first event stands, the others are built anew without it.
        const duplicate = accepted.find(({ start, end }) => outcome.index >= start && outcome.index < end)
        await this.#comeTo(outcome.nid)
        for (const item of duplicate ? itemsOf(duplicate) : []) {
          item.resolve([{ eventId: outcome.eventId, existing: true }])
        }
        return accepted.filter((other) => other !== duplicate).flatMap(itemsOf)
      }
      case 'head-moved': {
        await this.#deps.rooms.reload(room)
        return accepted.flatMap(itemsOf).filter((item) => this.#mayTryAgain(item))
      }
    }
  }

  async #write(draft: RoomDraft): Promise<{ commit: RoomCommit; outcome: CommitOutcome }> {
    const commit = await draft.toCommit()
    try {
      return { commit, outcome: await this.#deps.store.persister.commit(commit) }
    } catch (error) {
      if (error instanceof CommitUnknown) this.#deps.feed.doubt()
      throw error
    }
  }

  /**
   * Waits until the stream has come to an event that was there before: the answer to its commit may have been lost, or
   * another process wrote it. Whoever is told of it finds it in the next sync, and in effect.
   */
  async #comeTo(position: number): Promise<void> {
    this.#deps.feed.hint(position)
    await this.#deps.feed.reached(position)
  }

  #mayTryAgain(item: Item): boolean {
    item.lostRaces += 1
    if (item.lostRaces <= maxLostRaces) return true
    item.reject(new MatrixError('M_LIMIT_EXCEEDED', 'The room is busy', { fields: { retry_after_ms: 1_000 } }))
    return false
  }

  /** Moves the room's head to the end of a committed draft and tells the stream. */
  async #advance(draft: RoomDraft, rows: readonly NewEvent[], firstPos: number): Promise<void> {
    const { room, drafted } = draft
    const { store, events, feed } = this.#deps
    let { state, stateNid } = room.head
    const stateNids: number[] = [stateNid]
    drafted.forEach(({ event, json, redacted }, index) => {
      const { typeNid, stateKeyNid } = rows[index]!
      const nid = firstPos + index
      if (redacted) events.forget(redacted.nid)
      if (stateKeyNid !== null) {
        // The store's own, where it is in memory: states that are one object need no comparing.
        state = store.states.peek(nid) ?? state.with(typeNid, stateKeyNid, nid)
        stateNid = nid
      }
      // What clients are told, and what counts as unread, is then found with this same object.
      events.remember(nid, event, json)
      stateNids.push(stateNid)
    })
    const last = firstPos + drafted.length - 1
    room.head = {
      lastPos: last,
      depth: room.head.depth + drafted.length,
      stateNid,
      state,
      extremities: [
        { nid: last, stateNid, event: drafted.at(-1)!.event },
        ...room.head.extremities.slice(draft.prevEventCount),
      ],
    }
    feed.publish({ firstPos, count: drafted.length, changes: changesOf(room, drafted, rows, firstPos, stateNids) })
    await feed.reached(last)
  }
}

function itemsOf({ item, others }: Accepted): Item[] {
  return [item, ...others.map((other) => other.item)]
}

/** The accepted item that drafted what a plan comes to: the same transaction, or the state that it would set. */
function findEarlier(draft: RoomDraft, accepted: readonly Accepted[], plan: Plan): Accepted | undefined {
  return accepted.find(({ start, end }) =>
    'existing' in plan
      ? draft.drafted.slice(start, end).some(({ event }) => event.eventId === plan.existing.eventId)
      : isSameTransaction(draft.drafted[start]?.options.transaction, plan[0]?.transaction),
  )
}

function sentEvents(drafted: readonly DraftedEvent[]): SentEvent[] {
  return drafted.map(({ event }) => ({ eventId: event.eventId, existing: false }))
}
