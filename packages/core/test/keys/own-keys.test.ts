import { generateSigningKey } from '@hearth/crypto'
import type { Store } from '@hearth/store'
import { describe, expect, it } from 'vitest'
import { OwnKeys } from '../../src/index.ts'
import { day, here, ownKey, startKeyRing, storeForTheFile } from './start-key-ring.ts'

let store: Store
storeForTheFile((opened) => (store = opened))
const start = (options?: Parameters<typeof startKeyRing>[1]) => startKeyRing(store, options)

describe('the keys of this server', () => {
  it('are published for a day, and renewed before half of it has passed', async () => {
    const { clock, own } = await start()
    const first = own.document()
    await clock.advance(day / 2 - 1)
    expect(own.document()).toBe(first)
    await clock.advance(1)
    expect(own.document()['valid_until_ts']).toBe(clock.now() + day)
    clock.jump(-10 * day)
    expect(own.document()['valid_until_ts']).toBe(clock.now() + day)
  })

  it('stay known and published after another has taken their place', async () => {
    const { clock, own } = await start()
    const before = clock.now()
    const next = generateSigningKey('next')
    await clock.advance(1_000)
    const rotated = await OwnKeys.open({ store, serverName: here, current: next, clock })
    expect(rotated.document()).toMatchObject({
      verify_keys: { 'ed25519:next': { key: next.publicKey } },
      old_verify_keys: { 'ed25519:own': { key: ownKey.publicKey, expired_ts: clock.now() } },
    })
    expect(rotated.find(['ed25519:own'], before).size).toBe(1)
    expect(rotated.find(['ed25519:own'], clock.now() + 1).size).toBe(0)
    expect(rotated.find(['ed25519:own']).size).toBe(1)
    expect(own.current).toBe(ownKey)
    const sameName = generateSigningKey('own')
    await expect(OwnKeys.open({ store, serverName: here, current: sameName, clock })).rejects.toThrow('ed25519:own')
    expect((await store.ownKeys.list()).filter(({ expiredTs }) => expiredTs === null).length).toBe(1)
  })
})
