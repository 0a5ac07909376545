import { Metrics } from '@hearth/runtime'
import { describe, expect, it } from 'vitest'
import { ClientEvent } from '../events/client-event.ts'
import { RoomWatch } from './room-watch.ts'
import type { RoomSectionRequest, SectionDraft } from './section-drafts.ts'
import { SharedDrafts } from './shared-drafts.ts'
import { SyncFilter } from './sync-filter.ts'
import type { SyncView } from './sync-view.ts'

const filter = new SyncFilter({ room: { timeline: { limit: 2 } } })
const nobody: ReadonlySet<string> = new Set()
const draft = { speakerNids: [] } as unknown as SectionDraft

describe('SharedDrafts', () => {
  /** Events at these positions, each of a sender of its own whose device has the same number. */
  function watching(...positions: number[]): RoomWatch {
    const watch = new RoomWatch({ nid: 1, id: '!r:b' as never, position: 10 })
    for (const pos of positions) {
      const pdu = { type: 'm', sender: `@u${pos}:b`, content: {}, origin_server_ts: 0 } as never
      const event = { eventId: `$${pos}` as never, pdu }
      const client = new ClientEvent(event, '!r:b')
      const transaction = { deviceNid: pos, txnId: 't' }
      watch.timeline.push({ pos, nid: pos, stateNid: 1, stateBeforeNid: 1, event, client, transaction })
    }
    return watch
  }
  const viewOf = (more: Partial<SyncView> = {}) =>
    ({ requester: { deviceNid: 1 }, filter, fullState: false, useStateAfter: false, ...more }) as SyncView
  const requestOf = (watch: RoomWatch, since: number, upTo: number, more: Partial<RoomSectionRequest> = {}) =>
    ({ room: { nid: 1 }, watch, since, upTo, wasJoined: true, withSummary: true, ...more }) as RoomSectionRequest
  const drafts = () => new SharedDrafts({ metrics: new Metrics() })

  it('shares what happened, whatever position each reader waited at', async () => {
    const watch = watching(12, 15)
    const shared = drafts()
    const first = shared.stretchOf(viewOf(), requestOf(watch, 12, 15), nobody)!
    expect(shared.find(first)).toBeUndefined()
    const making = Promise.resolve(draft)
    shared.add(first, making)
    const second = shared.stretchOf(viewOf(), requestOf(watch, 14, 19), nobody)!
    expect(shared.find(second)).toBe(making)
    await making
    expect(shared.find(second)).toBe(draft)
  })

  it.each([
    ['another filter', viewOf({ filter: new SyncFilter() }), {}],
    ['the state after the timeline', viewOf({ useStateAfter: true }), {}],
    ['other events', viewOf(), { since: 11 }],
  ])('shares nothing with who wants %s', (_, view, more) => {
    const watch = watching(12, 15)
    const shared = drafts()
    shared.add(shared.stretchOf(viewOf(), requestOf(watch, 12, 15), nobody)!, Promise.resolve(draft))
    expect(shared.find(shared.stretchOf(view, requestOf(watch, 12, 15, more), nobody)!)).toBeUndefined()
  })

  it.each([
    ['the device that sent one of them', viewOf({ requester: { deviceNid: 15 } as never }), {}, nobody],
    ['who ignores a sender', viewOf(), {}, new Set(['@u15:b'])],
    ['whom nobody knows to ignore anybody', viewOf(), {}, undefined],
    ['who was not joined all the time', viewOf(), { wasJoined: false }, nobody],
    ['whose token is older than memory', viewOf(), { since: 9 }, nobody],
    ['who wants all of the state', viewOf({ fullState: true }), {}, nobody],
    ['who wants events by what relates to them', viewOf({ filter: relatedFilter() }), {}, nobody],
  ])('knows nothing shared for %s', (_, view, more, ignored) => {
    expect(drafts().stretchOf(view, requestOf(watching(12, 15), 12, 15, more), ignored)).toBeUndefined()
  })

  it('knows nothing shared where the timeline is limited or nothing happened', () => {
    const watch = watching(11, 12, 13)
    expect(drafts().stretchOf(viewOf(), requestOf(watch, 10, 13), nobody)).toBeUndefined()
    expect(drafts().stretchOf(viewOf(), requestOf(watch, 13, 14), nobody)).toBeUndefined()
  })

  it('shares no event in a form that it has no longer: one of them was redacted', () => {
    const watch = watching(12, 15)
    const shared = drafts()
    const stretch = shared.stretchOf(viewOf(), requestOf(watch, 12, 15), nobody)!
    shared.add(stretch, Promise.resolve(draft))
    watch.timeline.update((entry) => (entry.pos === 15 ? entry : undefined))
    expect(shared.find(stretch)).toBeUndefined()
  })

  it('shares no failure with those who ask later', async () => {
    const shared = drafts()
    const stretch = shared.stretchOf(viewOf(), requestOf(watching(12), 10, 12), nobody)!
    const failing = Promise.reject(new Error('the database is away'))
    shared.add(stretch, failing)
    await expect(failing).rejects.toThrow()
    expect(shared.find(stretch)).toBeUndefined()
  })
})

function relatedFilter(): SyncFilter {
  return new SyncFilter({ room: { timeline: { related_by_rel_types: ['m.thread'] } } })
}
