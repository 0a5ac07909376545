import type { JsonObject } from '@hearth/protocol'
import { TestServer, type SyncedEvent, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { gist, joinedRoom, keysOf, leftRoom, withFilter } from './answer-parts.ts'

describe('rooms in /sync, as their readers come and go', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let roomId: string
  let room: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice')
    bob = await server.register('bob')
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat', name: 'A room' })
    room = `rooms/${encodeURIComponent(roomId)}`
  })

  const setVisibility = (visibility: string) =>
    alice.setState(roomId, 'm.room.history_visibility', { history_visibility: visibility })
  const act = (what: string, body: JsonObject) => alice.post(`${room}/${what}`, body)
  const page = async (client: TestClient, query: Record<string, string | number>) =>
    (await client.get(`${room}/messages`, { dir: 'b', ...query }))['chunk'] as SyncedEvent[]

  describe('a room that was joined', () => {
    it('comes with what was said before, all of its state, and not as a continuation', async () => {
      await alice.sendText(roomId, 'before')
      const { next_batch: since } = await bob.sync()
      await bob.join(roomId)
      const { timeline, state } = joinedRoom(
        await bob.sync({ since, ...withFilter({ room: { timeline: { limit: 2 } } }) }),
        roomId,
      )!
      expect(gist(timeline.events)).toEqual(['before', 'join'])
      expect(timeline.limited).toBe(true)
      expect(keysOf(state?.events)).toEqual(
        expect.arrayContaining(['m.room.create|', 'm.room.name|', `m.room.member|${alice.userId}`]) as unknown,
      )
      expect(keysOf(state?.events)).not.toContain(`m.room.member|${bob.userId}`)
      expect(timeline.events.map(({ unsigned }) => unsigned?.['membership'])).toEqual(['leave', 'join'])
    })

    it.each(['joined', 'invited'])(
      'shows its state also where the history is for those who were %s',
      async (visibility) => {
        await setVisibility(visibility)
        await alice.sendText(roomId, 'confidential')
        const { next_batch: since } = await bob.sync()
        await bob.join(roomId)
        await alice.sendText(roomId, 'hello')
        for (const query of [{ since }, {}]) {
          const { timeline, state } = joinedRoom(await bob.sync(query), roomId)!
          // The change of the visibility is seen by those who could see what came before it.
          expect(gist(timeline.events.slice(-3))).toEqual(['m.room.history_visibility', 'join', 'hello'])
          const known = [...keysOf(state?.events), ...keysOf(timeline.events)]
          expect(known).toEqual(
            expect.arrayContaining(['m.room.create|', 'm.room.power_levels|', 'm.room.name|']) as unknown,
          )
          expect(JSON.stringify([timeline, state])).not.toContain('confidential')
          expect(gist(await page(bob, { from: timeline.prev_batch, limit: 50 }))).not.toContain('confidential')
        }
      },
    )

    it('tells state that changed where the history is hidden, between events that are shown', async () => {
      await bob.join(roomId)
      await setVisibility('joined')
      const first = await bob.sync()
      await bob.leave(roomId)
      await alice.setState(roomId, 'm.room.topic', { topic: 'set meanwhile' })
      await bob.join(roomId)
      const initial = joinedRoom(await bob.sync(), roomId)!
      expect(gist(initial.timeline.events.slice(-3))).toEqual(['m.room.history_visibility', 'leave', 'join'])
      expect(keysOf(initial.state?.events)).toContain('m.room.topic|')
      const again = joinedRoom(await bob.sync({ since: first.next_batch }), roomId)!
      expect(gist(again.timeline.events)).toEqual(['leave', 'join'])
      expect(keysOf(again.state?.events)).toEqual(['m.room.topic|'])
    })

    it('that one had left begins where one left it: nothing comes twice, and all of it can be paged', async () => {
      await bob.join(roomId)
      await alice.sendText(roomId, 'first')
      await bob.sync()
      await bob.leave(roomId)
      const left = await bob.sync()
      await alice.sendText(roomId, 'meanwhile 1')
      await alice.sendText(roomId, 'meanwhile 2')
      const { next_batch: since } = await bob.sync({ since: left.next_batch })
      await bob.join(roomId)
      const { timeline, state } = joinedRoom(await bob.sync({ since }), roomId)!
      expect(gist(timeline.events)).toEqual(['meanwhile 1', 'meanwhile 2', 'join'])
      expect(timeline.limited).toBe(true)
      expect(keysOf(state?.events)).toContain('m.room.create|')
      expect(gist(await page(bob, { from: timeline.prev_batch, limit: 2 }))).toEqual(['leave', 'first'])
    })

    it('and left between two answers is among those that were left', async () => {
      const { next_batch: since } = await bob.sync()
      await bob.join(roomId)
      await bob.leave(roomId)
      await alice.sendText(roomId, 'confidential')
      const answer = await bob.sync({ since })
      expect(joinedRoom(answer, roomId)).toBeUndefined()
      expect(gist(leftRoom(answer, roomId)!.timeline.events.slice(-2))).toEqual(['join', 'leave'])
      expect(leaksOf(answer)).toEqual([])
    })

    it('and left and joined again between two answers goes on', async () => {
      await bob.join(roomId)
      const { next_batch: since } = await bob.sync()
      await bob.leave(roomId)
      await alice.sendText(roomId, 'meanwhile')
      await bob.join(roomId)
      const { timeline, state } = joinedRoom(await bob.sync({ since }), roomId)!
      expect(gist(timeline.events)).toEqual(['leave', 'meanwhile', 'join'])
      expect(timeline.limited).toBe(false)
      expect(state?.events).toEqual([])
    })
  })

  describe('[SEC-25] a room that was left', () => {
    it.each([
      ['by a kick', 'kick', 'leave'],
      ['by a ban', 'ban', 'ban'],
    ])('%s ends with that', async (_, action, membership) => {
      await bob.join(roomId)
      const { next_batch: since } = await bob.sync()
      await alice.sendText(roomId, 'last words')
      await act(action, { user_id: bob.userId, reason: 'enough' })
      await alice.sendText(roomId, 'confidential')
      await alice.setState(roomId, 'com.example.note', { text: 'confidential' })
      for (const useStateAfter of [false, true]) {
        const answer = await bob.sync({ since, use_state_after: useStateAfter })
        const { timeline, state, state_after: after } = leftRoom(answer, roomId)!
        expect(gist(timeline.events)).toEqual(['last words', membership])
        expect(timeline.events[1]).toMatchObject({ content: { reason: 'enough' }, unsigned: { membership } })
        expect(keysOf(useStateAfter ? after?.events : state?.events)).toEqual(
          useStateAfter ? [`m.room.member|${bob.userId}`] : [],
        )
        expect(leaksOf(answer)).toEqual([])
      }
    })

    it('has the state that changed before its end', async () => {
      await bob.join(roomId)
      const { next_batch: since } = await bob.sync()
      await alice.setState(roomId, 'm.room.topic', { topic: 'before' })
      for (let n = 0; n < 3; n += 1) await alice.sendText(roomId, `m${n}`)
      await bob.leave(roomId)
      await alice.setState(roomId, 'm.room.topic', { topic: 'after' })
      const answer = await bob.sync({ since, ...withFilter({ room: { timeline: { limit: 2 } } }) })
      const { timeline, state } = leftRoom(answer, roomId)!
      expect(gist(timeline.events)).toEqual(['m2', 'leave'])
      expect(timeline.limited).toBe(true)
      expect(state?.events.map(({ content }) => content['topic'])).toEqual(['before'])
    })

    it('tells of a later ban, and nothing else', async () => {
      await bob.join(roomId)
      await bob.leave(roomId)
      const { next_batch: since } = await bob.sync()
      await alice.sendText(roomId, 'confidential')
      await alice.setState(roomId, 'com.example.note', { text: 'confidential' })
      await act('ban', { user_id: bob.userId })
      for (const query of [{ since }, { since, full_state: true }, { since, use_state_after: true }]) {
        const answer = await bob.sync(query)
        expect(gist(leftRoom(answer, roomId)?.timeline.events)).toEqual(['ban'])
        expect(leaksOf(answer)).toEqual([])
      }
      const archived = await bob.sync(withFilter({ room: { include_leave: true } }))
      const { timeline, state } = leftRoom(archived, roomId)!
      expect(gist(timeline.events.slice(-3))).toEqual(['join', 'leave', 'ban'])
      expect(leaksOf([timeline, state])).toEqual([])
    })

    it('stays at its end for somebody who is invited again and declines', async () => {
      await bob.join(roomId)
      await alice.sendText(roomId, 'for all')
      await bob.leave(roomId)
      const { next_batch: since } = await bob.sync()
      await alice.sendText(roomId, 'confidential')
      await alice.setState(roomId, 'com.example.note', { text: 'confidential' })
      await alice.invite(roomId, bob.userId)
      const reads = async () => [
        await bob.sync({ since }),
        await bob.sync(withFilter({ room: { include_leave: true } })),
        await page(bob, { limit: 50 }),
        (await bob.request('GET', `${room}/members`)).body,
        (await bob.request('GET', `${room}/event/${encodeURIComponent(secret)}`)).body,
      ]
      const secret = await alice.sendText(roomId, 'confidential')
      expect(leaksOf(await reads()), 'invited').toEqual([])
      await bob.leave(roomId)
      expect(leaksOf(await reads()), 'declined').toEqual([])
      expect(gist(await page(bob, { limit: 2 }))).toEqual(['leave', 'for all'])
    })

    it('is not told of again, and neither is account data that is set for it', async () => {
      await bob.join(roomId)
      await bob.leave(roomId)
      const { next_batch: since } = await bob.sync()
      await alice.sendText(roomId, 'more')
      await bob.put(`user/${encodeURIComponent(bob.userId)}/${room}/account_data/com.example.note`, { a: 1 })
      expect((await bob.sync({ since })).rooms?.leave ?? {}).toEqual({})
    })
  })

  describe('a room that one was only invited to', () => {
    it('shows nothing but the end of the invitation when it is declined', async () => {
      await alice.sendText(roomId, 'confidential')
      const { next_batch: since } = await bob.sync()
      await alice.invite(roomId, bob.userId)
      const invited = await bob.sync({ since })
      expect(keysOf(invited.rooms?.invite?.[roomId]?.invite_state.events)).toContain('m.room.name|')
      await alice.sendText(roomId, 'confidential')
      await bob.leave(roomId)
      for (const query of [
        { since: invited.next_batch },
        { since },
        { since: invited.next_batch, full_state: true },
        withFilter({ room: { include_leave: true } }),
      ]) {
        const answer = await bob.sync(query)
        const { timeline, state } = leftRoom(answer, roomId)!
        expect(gist(timeline.events)).toEqual(['leave'])
        expect(state?.events).toEqual([])
        expect(leaksOf(answer)).toEqual([])
      }
      const after = await bob.sync({ since, use_state_after: true })
      expect(keysOf(leftRoom(after, roomId)?.state_after?.events)).toEqual([`m.room.member|${bob.userId}`])
    })

    it('is told of once', async () => {
      await alice.invite(roomId, bob.userId)
      const first = await bob.sync()
      expect(first.rooms?.invite?.[roomId]).toBeDefined()
      await alice.sendText(roomId, 'talk')
      const second = await bob.sync({ since: first.next_batch })
      expect(second.rooms?.invite ?? {}).toEqual({})
    })

    it('becomes a room when the invitation is taken', async () => {
      await alice.invite(roomId, bob.userId)
      const { next_batch: since } = await bob.sync()
      await bob.join(roomId)
      const answer = await bob.sync({ since })
      expect(answer.rooms?.invite ?? {}).toEqual({})
      expect(gist(joinedRoom(answer, roomId)?.timeline.events.slice(-2))).toEqual(['invite', 'join'])
    })
  })

  it('account data that was set before comes with a room that is new to the client', async () => {
    await bob.join(roomId)
    await bob.put(`user/${encodeURIComponent(bob.userId)}/${room}/account_data/com.example.note`, { a: 1 })
    await bob.leave(roomId)
    const { next_batch: since } = await bob.sync()
    await bob.join(roomId)
    expect(joinedRoom(await bob.sync({ since }), roomId)?.account_data?.events).toEqual([
      { type: 'com.example.note', content: { a: 1 } },
    ])
  })

  it('the summary follows members and names', async () => {
    const { next_batch: since } = await alice.sync()
    await bob.join(roomId)
    const joined = await alice.sync({ since })
    expect(joinedRoom(joined, roomId)?.summary).toEqual({ 'm.joined_member_count': 2, 'm.invited_member_count': 0 })
    await alice.sendText(roomId, 'text')
    const talked = await alice.sync({ since: joined.next_batch })
    expect(joinedRoom(talked, roomId)).not.toHaveProperty('summary')
    await bob.put(`rooms/${encodeURIComponent(roomId)}/state/m.room.member/${encodeURIComponent(bob.userId)}`, {
      membership: 'join',
      displayname: 'Robert',
    })
    const renamed = await alice.sync({ since: talked.next_batch })
    expect(joinedRoom(renamed, roomId)?.timeline.events).toHaveLength(1)
    expect(joinedRoom(renamed, roomId)).not.toHaveProperty('summary')
    await alice.setState(roomId, 'm.room.name', {})
    const nameless = await alice.sync({ since: talked.next_batch })
    expect(joinedRoom(nameless, roomId)?.summary).toMatchObject({ 'm.heroes': [bob.userId] })
    await bob.leave(roomId)
    const left = await alice.sync({ since: nameless.next_batch })
    expect(joinedRoom(left, roomId)?.summary).toEqual({
      'm.heroes': [bob.userId],
      'm.joined_member_count': 1,
      'm.invited_member_count': 0,
    })
  })
})

/** What there is in an answer of what its reader must not see. */
function leaksOf(answer: unknown): readonly string[] {
  return JSON.stringify(answer).match(/confidential/g) ?? []
}
