import { describe, expect, it } from 'vitest'
import { bareEvent, testGraph } from '../../test/test-graph.ts'
import { publicRoom, alice, bob, charlie, membership, powerLevels } from '../../test/test-history.ts'
import type { Pdu, RoomEvent } from '../events/pdu.ts'
import { roomVersions } from '../room-versions.ts'
import { isPowerEvent, powerOrder } from './power-order.ts'

describe('a power event', () => {
  const isPower = (fields: Partial<Pdu>) => isPowerEvent(bareEvent('$1', fields))

  it('is one of power levels, join rules or creation', () => {
    for (const type of ['m.room.power_levels', 'm.room.join_rules', 'm.room.create']) {
      expect(isPower({ type })).toBe(true)
      expect(isPower({ type, state_key: 'other' })).toBe(false)
    }
    expect(isPower({ type: 'm.room.topic' })).toBe(false)
    expect(isPower({ type: 'm.room.third_party_invite' })).toBe(false)
  })

  it('is a kick or a ban', () => {
    const member = (value: string, sender: string) =>
      isPower({ type: 'm.room.member', sender, state_key: bob, content: { membership: value } })
    expect(member('leave', alice)).toBe(true)
    expect(member('ban', alice)).toBe(true)
    expect(member('leave', bob)).toBe(false)
    expect(member('invite', alice)).toBe(false)
    expect(member('join', bob)).toBe(false)
  })
})

describe('the reverse topological power ordering', () => {
  /** Orders join rules of a room by auth events, time and id; all are sent by its creator. */
  function order(edges: Record<string, string>, times: Record<string, number> = {}): string {
    const events = new Map<string, RoomEvent>(
      Object.keys(edges).map((id) => [
        id,
        bareEvent(id, { type: 'm.room.join_rules', origin_server_ts: times[id] ?? 1 }),
      ]),
    )
    const source = { graph: testGraph(edges), event: (id: string) => events.get(id), unconflicted: () => undefined }
    return powerOrder(roomVersions[11], source, events)
      .map(({ id }) => id)
      .join(' ')
  }

  it('puts auth events first', () => {
    expect(order({ a: 'b', b: 'c', c: '' }, { a: 1, b: 2, c: 3 })).toBe('c b a')
    expect(order({ a: 'c', b: '', c: '', d: 'a b' }, { b: 9 })).toBe('c a b d')
  })

  it('puts earlier events first, then smaller ids', () => {
    expect(order({ a: '', b: '', c: '' }, { a: 3, b: 2, c: 1 })).toBe('c b a')
    expect(order({ c: '', a: '', b: '' })).toBe('a b c')
  })

  it('does not count an auth event twice', () => {
    expect(order({ a: 'b b', b: '' })).toBe('b a')
  })

  it('[SEC-249] ends where auth events form a cycle, without the events of the cycle', () => {
    expect(order({ a: 'b', b: 'a', c: '' })).toBe('c')
    expect(order({ a: 'a' })).toBe('')
  })

  it('puts senders of more power first, by the power levels of their own auth events', () => {
    const room = publicRoom('11')
    room.add({ id: 'ban-by-bob', ...membership(bob, 'ban', charlie), ts: 1 })
    room.add({ id: 'ban-by-alice', ...membership(alice, 'ban', charlie), after: ['join-charlie'], ts: 2 })
    room.add({ id: 'power-2', ...powerLevels(room, alice, { [bob]: 100 }), after: ['join-charlie'], ts: 3 })
    room.add({ id: 'ban-by-bob-2', ...membership(bob, 'ban', charlie), ts: 4 })
    const names = ['ban-by-bob', 'ban-by-alice', 'power-2', 'ban-by-bob-2']
    const events = new Map(names.map((name) => [room.id(name), room.events.get(room.id(name))!]))
    const source = {
      graph: {
        authEventsOf: (id: string) => room.events.get(room.id(id.slice(1)))!.pdu.auth_events as string[],
        isPowerLevels: (id: string) => id.startsWith('$power'),
      },
      event: (id: string) => room.events.get(room.id(id.slice(1))),
      unconflicted: (type: string) => (type === 'm.room.create' ? room.id('create') : undefined),
    }
    const ordered = powerOrder(roomVersions[11], source, new Map<string, RoomEvent>(events)).map(({ id }) =>
      id.slice(1),
    )
    expect(ordered).toEqual(['ban-by-alice', 'power-2', 'ban-by-bob-2', 'ban-by-bob'])
  })
})
