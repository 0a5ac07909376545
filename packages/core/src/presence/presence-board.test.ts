import type { UserId } from '@hearth/protocol'
import { LocalBus } from '@hearth/queues'
import { createLogger, FakeClock } from '@hearth/runtime'
import { describe, expect, it } from 'vitest'
import { PresenceBoard, type PresenceChange } from './presence-board.ts'
import type { ChosenPresence } from './presence-state.ts'

describe('presence that changes again within a second', () => {
  const setUp = () => {
    const clock = new FakeClock()
    const logger = createLogger({ level: 'error' })
    const board = new PresenceBoard({ clock, bus: new LocalBus({ clock, logger }) })
    const changes: PresenceChange[] = []
    board.listen((change) => changes.push(change))
    const choose = (userNid: number, state: ChosenPresence) =>
      board.choose(board.of(userNid, `@user${userNid}:hearth.test` as UserId), 1, state, undefined)
    /** Who woke somebody since this was asked last. */
    const woken = () =>
      changes.splice(0).flatMap(({ userNid, isUrgent, isRepeated }) => (isUrgent ? [{ userNid, isRepeated }] : []))
    return { clock, board, changes, choose, woken }
  }

  it('wakes others when the second is over, once, for the last change', async () => {
    const { clock, board, changes, choose, woken } = setUp()
    choose(1, 'online')
    expect(woken()).toEqual([{ userNid: 1, isRepeated: false }])
    await clock.advance(400)
    choose(1, 'unavailable')
    choose(1, 'online')
    choose(1, 'unavailable')
    const { serial } = board.find(1)!
    expect(changes.at(-1)).toMatchObject({ serial, isUrgent: false, isRepeated: false })
    expect(woken()).toEqual([])
    await clock.advance(599)
    expect(woken()).toEqual([])
    await clock.advance(1)
    expect(changes.map((change) => change.serial)).toEqual([serial])
    expect(woken()).toEqual([{ userNid: 1, isRepeated: true }])
    await clock.advance(5_000)
    expect(woken()).toEqual([])
  })

  it('wakes others once a second while it goes on', async () => {
    const { clock, choose, woken } = setUp()
    for (let n = 0; n < 49; n += 1) {
      choose(1, n % 2 === 0 ? 'online' : 'unavailable')
      await clock.advance(100)
    }
    expect(woken()).toHaveLength(5)
    await clock.advance(1_000)
    expect(woken()).toHaveLength(1)
  })

  it('needs one timer for everybody', async () => {
    const { clock, choose, woken } = setUp()
    for (let userNid = 1; userNid <= 20; userNid += 1) {
      choose(userNid, 'online')
      await clock.advance(10)
    }
    const timers = clock.pendingTimers
    woken()
    for (let userNid = 1; userNid <= 20; userNid += 1) choose(userNid, 'unavailable')
    expect(clock.pendingTimers).toBe(timers + 1)
    await clock.advance(1_500)
    expect(woken()).toHaveLength(20)
    expect(clock.pendingTimers).toBe(timers)
  })
})
