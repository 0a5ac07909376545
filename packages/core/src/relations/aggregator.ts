import { isUserId, type UserId } from '@hearth/protocol'
import { relationOf } from '@hearth/rooms'
import type { ParentRef, RelationCount, Store } from '@hearth/store'
import type { IgnoredUsers } from '../account-data/ignored-users.ts'
import type { PresentedEvent } from '../events/presented-event.ts'
import type { Requester } from '../requester.ts'
import type { EventPresenter } from '../rooms/event-presenter.ts'
import type { Room } from '../rooms/room.ts'
import type { VisibleEvents } from './visible-events.ts'

/** Events of a room, and the last position that their reader may see of it. */
export interface EventsOfRoom {
  readonly room: Room
  readonly upTo: number
  readonly events: readonly PresentedEvent[]
}

type Aggregations = NonNullable<PresentedEvent['aggregations']>

interface Parent {
  readonly room: Room
  readonly upTo: number
  readonly presented: PresentedEvent
}

/** A parent with the children that may be shown for it, best first. */
interface Candidates {
  readonly parent: Parent
  readonly nids: readonly number[]
}

interface Reader {
  readonly requester: Requester
  /** The numbers of those whom they ignore. */
  readonly ignoredNids: readonly number[]
}

const aggregated = ['m.replace', 'm.reference', 'm.thread']
/** Of the newest children, so many are looked at for one that the reader may see. */
const maxCandidates = 5
/** Edits that give the same time: the one with the largest id counts. */
const maxEdits = 20
const maxReferences = 500

/**
 * Adds to events what relates to them, with one statement for events that nothing relates to and a few for any others. It
 * is asked anew for each answer: what the reader may see, whom they ignore and whether they took part is theirs alone.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#aggregations-of-child-events}
 */
export class Aggregator {
  readonly #store: Pick<Store, 'relations' | 'users'>
  readonly #visible: VisibleEvents
  readonly #presenter: EventPresenter
  readonly #ignoredUsers: IgnoredUsers

  constructor(deps: {
    readonly store: Pick<Store, 'relations' | 'users'>
    readonly visible: VisibleEvents
    readonly presenter: EventPresenter
    readonly ignoredUsers: IgnoredUsers
  }) {
    this.#store = deps.store
    this.#visible = deps.visible
    this.#presenter = deps.presenter
    this.#ignoredUsers = deps.ignoredUsers
  }

  /** The same events, group by group, with their aggregations. */
  async bundle(requester: Requester, groups: readonly EventsOfRoom[]): Promise<PresentedEvent[][]> {
    const parents = groups.flatMap(({ room, upTo, events }) =>
      events.filter(mayBeAggregated).map((presented): Parent => ({ room, upTo, presented })),
    )
    if (parents.length === 0) return groups.map(({ events }) => [...events])
    const ignored = [...(await this.#ignoredUsers.of(requester.userId))].filter((id): id is UserId => isUserId(id))
    const ignoredNids = [...(await this.#store.users.findAll(ignored)).values()]
    const reader = { requester, ignoredNids }
    const found = await this.#aggregate(reader, parents, aggregated)
    return groups.map(({ events }) => events.map((event) => withAggregations(event, found)))
  }

  /** By the parent's nid; those without children are left out. */
  async #aggregate(
    reader: Reader,
    parents: readonly Parent[],
    relTypes: readonly string[],
  ): Promise<Map<number, Aggregations>> {
    const { relations } = this.#store
    const { requester, ignoredNids } = reader
    const counts = await relations.count(parents.map(refOf), relTypes, {
      userNid: requester.userNid,
      ignoredNids,
    })
    if (counts.length === 0) return new Map()
    const [edits, threads, references] = await Promise.all([
      this.#replacements(
        parentsWith('m.replace', parents, counts).filter(({ presented: { client } }) => !client.isRedacted),
      ),
      this.#latestOfThreads(reader, parentsWith('m.thread', parents, counts)),
      this.#references(reader, parentsWith('m.reference', parents, counts)),
    ])
    const shown = await this.#show(reader, edits, threads)
    const result = new Map<number, Aggregations>()
    for (const { presented } of parents) {
      const { nid } = presented
      const replacement = shown.edits.get(nid)
      const latest = shown.threads.get(nid)
      const count = counts.find(
        ({ parent, relType }) => relType === 'm.thread' && parents[parent]!.presented === presented,
      )
      const participated = count?.isOwn === true || presented.event.pdu.sender === requester.userId
      const thread = latest && count && { latest, count: count.count, participated }
      if (replacement || thread || references.has(nid)) {
        result.set(nid, { replacement, thread, references: references.get(nid) })
      }
    }
    return result
  }

  async #replacements(parents: readonly Parent[]): Promise<Candidates[]> {
    const refs = parents.map((parent) => ({ ...refOf(parent), nid: parent.presented.nid }))
    const rows = Map.groupBy(await this.#store.relations.listReplacements(refs, maxEdits), ({ parent }) => parent)
    return parents.map((parent, index) => {
      const newestFirst = (rows.get(index) ?? []).toSorted((a, b) => b.ts - a.ts || (a.eventId < b.eventId ? 1 : -1))
      return { parent, nids: newestFirst.slice(0, maxCandidates).map(({ nid }) => nid) }
    })
  }

  async #latestOfThreads({ ignoredNids }: Reader, parents: readonly Parent[]): Promise<Candidates[]> {
    const { relations } = this.#store
    const rows = await relations.listNewest(parents.map(refOf), 'm.thread', ignoredNids, maxCandidates)
    const byParent = Map.groupBy(rows, ({ parent }) => parent)
    return parents.map((parent, index) => ({ parent, nids: (byParent.get(index) ?? []).map(({ nid }) => nid) }))
  }

  async #references({ ignoredNids }: Reader, parents: readonly Parent[]) {
    const { relations } = this.#store
    const rows = await relations.listIds(parents.map(refOf), 'm.reference', ignoredNids, maxReferences)
    const byParent = Map.groupBy(rows, ({ parent }) => parents[parent]!.presented.nid)
    return new Map([...byParent].map(([nid, children]) => [nid, children.map(({ eventId }) => eventId)]))
  }

  /** Of each parent's candidates the first that the reader may see, by the parent's nid. */
  async #show(reader: Reader, edits: readonly Candidates[], threads: readonly Candidates[]) {
    const { requester } = reader
    const byRoom = Map.groupBy([...edits, ...threads], ({ parent }) => parent.room)
    const scans = await Promise.all(
      [...byRoom].map(async ([room, candidates]) => ({
        room,
        events: await this.#visible.find(
          requester,
          room,
          candidates.flatMap(({ nids }) => nids),
        ),
      })),
    )
    const seen = new Set(scans.flatMap(({ events }) => events.map(({ nid }) => nid)))
    const choose = (all: readonly Candidates[]) =>
      all.flatMap(({ parent, nids }) => {
        const nid = nids.find((candidate) => seen.has(candidate))
        return nid === undefined ? [] : [{ parent, nid }]
      })
    const [chosenEdits, chosenLatest] = [choose(edits), choose(threads)]
    const chosen = new Set([...chosenEdits, ...chosenLatest].map(({ nid }) => nid))
    const shown = scans.map(({ room, events }) => ({ room, events: events.filter(({ nid }) => chosen.has(nid)) }))
    const presented = new Map(
      (await this.#presenter.present(requester, shown)).flat().map((event) => [event.nid, event]),
    )
    // The latest event of a thread has its own edits and references; there are no threads in threads.
    const latest = chosenLatest.map(({ parent, nid }) => ({ ...parent, presented: presented.get(nid)! }))
    const nested =
      latest.length === 0
        ? new Map<number, Aggregations>()
        : await this.#aggregate(
            reader,
            latest,
            aggregated.filter((relType) => relType !== 'm.thread'),
          )
    return {
      // What an erasure keeps from the reader replaces nothing.
      edits: new Map(
        chosenEdits
          .filter(({ nid }) => !presented.get(nid)!.client.isRedacted)
          .map(({ parent, nid }) => [parent.presented.nid, presented.get(nid)!]),
      ),
      threads: new Map(
        chosenLatest.map(({ parent, nid }) => [parent.presented.nid, withAggregations(presented.get(nid)!, nested)]),
      ),
    }
  }
}

/** Neither state events nor edits and annotations, which nothing is to relate to. */
function mayBeAggregated({ event: { pdu } }: PresentedEvent): boolean {
  if (pdu.state_key !== undefined) return false
  const relType = relationOf(pdu)?.relType
  return relType !== 'm.replace' && relType !== 'm.annotation'
}

function refOf({ room, upTo, presented }: Parent): ParentRef {
  return { eventId: presented.event.eventId, roomNid: room.nid, upTo }
}

function parentsWith(relType: string, parents: readonly Parent[], counts: readonly RelationCount[]): Parent[] {
  return counts.filter((count) => count.relType === relType).map(({ parent }) => parents[parent]!)
}

function withAggregations(event: PresentedEvent, found: ReadonlyMap<number, Aggregations>): PresentedEvent {
  const aggregations = found.get(event.nid)
  return aggregations ? { ...event, aggregations } : event
}
