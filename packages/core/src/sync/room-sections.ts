import { TimeSlice, type Clock, type Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { IgnoredUsers } from '../account-data/ignored-users.ts'
import { allOf } from '../all-of.ts'
import type { ClientEvent } from '../events/client-event.ts'
import type { EventSerializer } from '../events/event-serializer.ts'
import { jsonPieces, type JsonItems } from '../json-pieces.ts'
import { formatToken } from '../rooms/position-token.ts'
import type { LazyMembers } from './lazy-members.ts'
import type { Room } from '../rooms/room.ts'
import { renderPresented, renderState } from './render-event.ts'
import { summaryJson, type RoomSummaries, type RoomSummary } from './room-summary.ts'
import { SectionDrafts, type RoomSectionRequest, type SectionDraft, type SectionDraftsDeps } from './section-drafts.ts'
import { SharedDrafts } from './shared-drafts.ts'
import type { SyncView } from './sync-view.ts'

export interface RoomSection {
  /** The parts of the room's object, as JSON: `"timeline":{...}` and so on. */
  readonly parts: readonly string[]
  /** One more part, read while it is sent: the state, where there is too much of it to be held as a whole. */
  readonly longState?: (() => AsyncGenerator<string>) | undefined
  readonly isEmpty: boolean
}

/** A section while it is being put together for its reader. */
interface Section {
  readonly request: RoomSectionRequest
  readonly draft: SectionDraft
  summary: RoomSummary | undefined
  /** Lazily loaded members that its reader does not have. */
  memberNids: readonly number[]
}

export interface RoomSectionsDeps extends SectionDraftsDeps {
  readonly store: Store
  readonly serializer: EventSerializer
  readonly ignoredUsers: Pick<IgnoredUsers, 'peek'>
  readonly lazyMembers: LazyMembers
  readonly summaries: RoomSummaries
  readonly clock: Clock
  readonly metrics: Metrics
}

/** More state events than these are read while they are sent, so many at a time. */
const maxHeldState = 1_000
const stateAtATime = 500

const noEvents: ReadonlyMap<number, ClientEvent> = new Map()

/** The timeline and state of rooms as `/sync` gives them. */
export class RoomSections {
  readonly #deps: RoomSectionsDeps
  readonly #drafts: SectionDrafts
  readonly #shared: SharedDrafts

  constructor(deps: RoomSectionsDeps) {
    this.#deps = deps
    this.#drafts = new SectionDrafts(deps)
    this.#shared = new SharedDrafts(deps)
  }

  /** The sections in the order of the requests. */
  async build(view: SyncView, requests: readonly RoomSectionRequest[]): Promise<RoomSection[]> {
    const slice = new TimeSlice(this.#deps.clock)
    const drafts = await allOf(this.#findDrafts(view, requests, slice))
    const sections = drafts.map((draft, index): Section => ({
      request: requests[index]!,
      draft,
      summary: undefined,
      memberNids: [],
    }))
    if (drafts.some(({ isSummaryNews }) => isSummaryNews)) await this.#summarize(view, sections)
    if (view.filter.lazyLoadsMembers) await this.#addMembers(view, sections)
    return this.#render(view, sections, slice)
  }

  /** Drafts that somebody else has had made, and the others made together. */
  #findDrafts(
    view: SyncView,
    requests: readonly RoomSectionRequest[],
    slice: TimeSlice,
  ): (SectionDraft | Promise<SectionDraft>)[] {
    const ignored = this.#deps.ignoredUsers.peek(view.requester)
    const stretches = requests.map((request) => this.#shared.stretchOf(view, request, ignored))
    const found = stretches.map((stretch) => stretch && this.#shared.find(stretch))
    const missing = requests.filter((_, index) => found[index] === undefined)
    if (missing.length === 0) return found as (SectionDraft | Promise<SectionDraft>)[]
    const making = this.#drafts.make(view, missing, slice)
    return found.map((draft, index) => {
      if (draft !== undefined) return draft
      const place = missing.indexOf(requests[index]!)
      const made = making.then((all) => all[place]!)
      if (stretches[index]) this.#shared.add(stretches[index], made)
      return made
    })
  }

  /** Counts members for the rooms where something changed that the summary tells of. */
  async #summarize(view: SyncView, sections: readonly Section[]): Promise<void> {
    const changed = sections.filter(({ draft }) => draft.isSummaryNews)
    const rooms = changed.map(({ request: { room } }) => room)
    const summaries = await this.#deps.summaries.ofRooms(rooms, view.requester.userId)
    changed.forEach((section, index) => (section.summary = summaries[index]))
  }

  /** With lazily loaded members: adds the member events that it takes to show the timeline and to name the room. */
  async #addMembers({ requester, since, filter, fullState }: SyncView, sections: readonly Section[]): Promise<void> {
    const { lazyMembers, store } = this.#deps
    const memberType = this.#drafts.memberTypeNid!
    const wasReceived = lazyMembers.receivedBy(requester.deviceNid, since)
    for (const section of sections) {
      const { request, draft, summary } = section
      const isNew = request.since === undefined || fullState
      const own = isNew ? await store.stateKeys.find(requester.userId) : undefined
      const keyNids = new Set(own === undefined ? draft.speakerNids : [own, ...draft.speakerNids])
      for (const { stateKeyNid } of summary?.heroes ?? []) keyNids.add(stateKeyNid)
      const memberNids: number[] = []
      for (const keyNid of keyNids) {
        const nid = draft.delta.target.get(memberType, keyNid)
        if (nid === undefined || draft.delta.has(memberType, keyNid)) continue
        const isRedundant = !isNew && !filter.state.includeRedundantMembers && wasReceived(nid)
        if (!isRedundant) memberNids.push(nid)
      }
      section.memberNids = memberNids
    }
  }

  async #render(view: SyncView, sections: readonly Section[], slice: TimeSlice): Promise<RoomSection[]> {
    const { requester, position, filter, useStateAfter, isContinued } = view
    const { serializer, lazyMembers } = this.#deps
    const groups = sections.map(({ request: { room }, draft, memberNids }) => {
      return { room, nids: filter.state.matchesRoom(room.id) ? [...draft.delta.nids, ...memberNids] : [] }
    })
    const held = groups.filter(({ nids }) => nids.length > 0 && nids.length <= maxHeldState)
    const serialized = held.length > 0 ? await serializer.serializeNidsOfRooms(held) : noEvents
    const now = serializer.now()
    const rendered: RoomSection[] = []
    const sentMembers: number[] = []
    for (const [index, { request, draft, summary }] of sections.entries()) {
      const { window } = draft
      const timeline: string[] = []
      for (const presented of window.events) {
        if (slice.isOver) await slice.rest()
        timeline.push(renderPresented(presented, filter, now))
        if (presented.event.pdu.type === 'm.room.member') sentMembers.push(presented.nid)
      }
      const { room, nids } = groups[index]!
      const isLong = nids.length > maxHeldState
      const state: string[] = []
      for (const nid of isLong ? [] : nids) {
        const event = serialized.get(nid)
        if (!event || !filter.state.matches(event.source)) continue
        if (slice.isOver) await slice.rest()
        state.push(renderState(event, filter, now))
        if (event.source.pdu.type === 'm.room.member') sentMembers.push(nid)
      }
      // A client must not join the timeline of a room that is new to it to what it may have had of the room before.
      const isLimited = window.isLimited || (isContinued && request.since === undefined && request.upTo !== undefined)
      const start = window.events.length > 0 ? window.start : (request.upTo ?? 0)
      const parts = [
        `"timeline":{"events":[${timeline.join(',')}],"limited":${isLimited},"prev_batch":"${formatToken(start)}"}`,
      ]
      const key = useStateAfter ? 'state_after' : 'state'
      if (!isLong) parts.push(`"${key}":{"events":[${state.join(',')}]}`)
      if (summary) parts.push(`"summary":${summaryJson(summary)}`)
      rendered.push({
        parts,
        ...(isLong && {
          longState: () => jsonPieces(`"${key}":{"events":[`, this.#stateInSlices(view, room, nids), ']}'),
        }),
        isEmpty: timeline.length === 0 && state.length === 0 && !isLong && !isLimited && !summary,
      })
    }
    if (filter.lazyLoadsMembers) lazyMembers.markSent(requester.deviceNid, sentMembers, position)
    return rendered
  }

  async *#stateInSlices(view: SyncView, room: Room, nids: readonly number[]): JsonItems {
    const { requester, position, filter } = view
    const { serializer, lazyMembers, clock } = this.#deps
    const now = serializer.now()
    const slice = new TimeSlice(clock)
    for (let start = 0; start < nids.length; start += stateAtATime) {
      const events = await serializer.serializeNidsOfRooms([{ room, nids: nids.slice(start, start + stateAtATime) }])
      const items: string[] = []
      const sentMembers: number[] = []
      for (const [nid, event] of events) {
        if (slice.isOver) await slice.rest()
        if (!filter.state.matches(event.source)) continue
        items.push(renderState(event, filter, now))
        if (event.source.pdu.type === 'm.room.member') sentMembers.push(nid)
      }
      if (filter.lazyLoadsMembers) lazyMembers.markSent(requester.deviceNid, sentMembers, position)
      yield items
      // What is in memory is given without waiting for anybody: others would wait for the whole of it.
      await slice.rest()
    }
  }
}
