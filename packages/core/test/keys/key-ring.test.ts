import { generateSigningKey } from '@hearth/crypto'
import type { JsonObject } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import { describe, expect, it, vi } from 'vitest'
import { day, here, newPeer, ownKey, startKeyRing, storeForTheFile } from './start-key-ring.ts'

let store: Store
storeForTheFile((opened) => (store = opened))
const start = (options?: Parameters<typeof startKeyRing>[1]) => startKeyRing(store, options)

describe('finding keys of a server', () => {
  it('keeps what many servers say at once in few transactions', async () => {
    const { peers, keyRing } = await start()
    const many = Array.from({ length: 200 }, () => newPeer())
    for (const peer of many) peers.documents.set(peer.name, () => peer.document())
    let transactions = 0
    const transaction = store.transaction.bind(store)
    const counting = vi.spyOn(store, 'transaction').mockImplementation((...args) => {
      transactions++
      return transaction(...args)
    })
    const found = await Promise.all(many.map(({ name }) => keyRing.find(name, ['ed25519:k1'])))
    counting.mockRestore()
    expect(found.map((keys) => keys.get('ed25519:k1')?.publicKey)).toEqual(many.map(({ key }) => key.publicKey))
    expect(transactions).toBeLessThan(50)
  })

  it('asks the server once and keeps what it says for good', async () => {
    const { peers, keyRing } = await start()
    const peer = newPeer()
    peers.documents.set(peer.name, () => peer.document())
    const found = await Promise.all([1, 2, 3].map(() => keyRing.find(peer.name, ['ed25519:k1'])))
    expect(found.map((keys) => keys.get('ed25519:k1')?.publicKey)).toEqual(Array(3).fill(peer.key.publicKey))
    expect(peers.asked).toEqual([peer.name])

    const later = await start()
    await later.clock.advance(400 * day)
    expect((await later.keyRing.find(peer.name, ['ed25519:k1'])).size).toBe(1)
    expect(later.peers.asked).toEqual([])
  })

  it('answers with the keys of this server, old ones included', async () => {
    const { keyRing } = await start()
    expect((await keyRing.find(here, [ownKey.keyId, 'ed25519:none'])).size).toBe(1)
  })

  it('[SEC-109] tells keys with the same id of different servers apart', async () => {
    const { peers, keyRing } = await start()
    const [one, two] = [newPeer(), newPeer()]
    for (const peer of [one, two]) peers.documents.set(peer.name, () => peer.document())
    expect((await keyRing.find(one.name, ['ed25519:k1'])).get('ed25519:k1')?.publicKey).toBe(one.key.publicKey)
    expect((await keyRing.find(two.name, ['ed25519:k1'])).get('ed25519:k1')?.publicKey).toBe(two.key.publicKey)
  })

  it('[SEC-102] [C-01] asks once more for a key that is no longer valid, and does not take it then', async () => {
    const { clock, peers, keyRing } = await start()
    const peer = newPeer()
    peers.documents.set(peer.name, () => peer.document())
    expect((await keyRing.findCurrent(peer.name, ['ed25519:k1'])).size).toBe(1)
    await clock.advance(2 * day)
    expect((await keyRing.findCurrent(peer.name, ['ed25519:k1'])).size).toBe(0)
    expect(peers.asked.length).toBe(2)
    // Events from room version 5 on are checked by their time, older ones by any key that the server had.
    expect((await keyRing.find(peer.name, ['ed25519:k1'], Date.UTC(2026, 0, 1, 12))).size).toBe(1)
    expect((await keyRing.find(peer.name, ['ed25519:k1'], Date.UTC(2026, 0, 2, 1))).size).toBe(0)
    expect((await keyRing.find(peer.name, ['ed25519:k1'])).size).toBe(1)
  })

  it('takes a key again that the server has published anew', async () => {
    const { clock, peers, keyRing } = await start()
    const peer = newPeer()
    peers.documents.set(peer.name, () => peer.document({ valid_until_ts: clock.now() + day }))
    await keyRing.findCurrent(peer.name, ['ed25519:k1'])
    await clock.advance(2 * day)
    expect((await keyRing.findCurrent(peer.name, ['ed25519:k1'])).size).toBe(1)
    expect(peers.asked.length).toBe(2)
  })

  it('[SEC-105] believes no promise about keys for longer than seven days', async () => {
    const { clock, peers, keyRing } = await start()
    const peer = newPeer()
    peers.documents.set(peer.name, () => peer.document({ valid_until_ts: Number.MAX_SAFE_INTEGER }))
    await keyRing.findCurrent(peer.name, ['ed25519:k1'])
    peers.documents.delete(peer.name)
    await clock.advance(7 * day - 1_000)
    expect((await keyRing.findCurrent(peer.name, ['ed25519:k1'])).size).toBe(1)
    await clock.advance(2_000)
    expect((await keyRing.findCurrent(peer.name, ['ed25519:k1'])).size).toBe(0)
  })

  it('takes a rotated key for requests, and the one before it for older events only', async () => {
    const { clock, peers, keyRing } = await start()
    const peer = newPeer()
    peers.documents.set(peer.name, () => peer.document())
    await keyRing.findCurrent(peer.name, ['ed25519:k1'])
    await clock.advance(60_000)
    const next = generateSigningKey('k2')
    const rotatedTs = clock.now()
    const rotated = {
      verify_keys: { [next.keyId]: { key: next.publicKey } },
      old_verify_keys: { [peer.key.keyId]: { key: peer.key.publicKey, expired_ts: rotatedTs } },
    }
    peers.documents.set(peer.name, () => peer.document(rotated, next))
    expect((await keyRing.findCurrent(peer.name, ['ed25519:k2'])).size).toBe(1)
    expect((await keyRing.findCurrent(peer.name, ['ed25519:k1'])).size).toBe(0)
    expect((await keyRing.find(peer.name, ['ed25519:k1'], rotatedTs)).size).toBe(1)
    expect((await keyRing.find(peer.name, ['ed25519:k1'], rotatedTs + 1)).size).toBe(0)
  })

  it('takes no request by a key that the server has stopped naming', async () => {
    const { clock, peers, keyRing } = await start()
    const peer = newPeer()
    peers.documents.set(peer.name, () => peer.document())
    await keyRing.findCurrent(peer.name, ['ed25519:k1'])
    await clock.advance(60_000)
    const next = generateSigningKey('k2')
    peers.documents.set(peer.name, () =>
      peer.document({ verify_keys: { [next.keyId]: { key: next.publicKey } } }, next),
    )
    await keyRing.findCurrent(peer.name, ['ed25519:k2'])
    expect((await keyRing.findCurrent(peer.name, ['ed25519:k1'])).size).toBe(0)
    expect((await keyRing.find(peer.name, ['ed25519:k1'], clock.now() - 60_000)).size).toBe(1)
  })

  it('takes the keys of a server that came back with others, whatever they are called', async () => {
    const { clock, peers, keyRing } = await start()
    const peer = newPeer()
    peers.documents.set(peer.name, () => peer.document())
    await keyRing.findCurrent(peer.name, ['ed25519:k1'])
    await clock.advance(day)
    const reborn = { ...newPeer(generateSigningKey('k1')), name: peer.name }
    const verifyKeys = { verify_keys: { 'ed25519:k1': { key: reborn.key.publicKey } } }
    const document = peer.document({ ...verifyKeys, valid_until_ts: clock.now() + day }, reborn.key)
    peers.documents.set(peer.name, () => document)
    await clock.advance(1)
    expect((await keyRing.findCurrent(peer.name, ['ed25519:k1'])).get('ed25519:k1')?.publicKey).toBe(
      reborn.key.publicKey,
    )
  })

  it.each<[string, (peer: ReturnType<typeof newPeer>) => JsonObject]>([
    ['is about another server', (peer) => peer.document({ server_name: 'other.test' })],
    ['is not signed by the server', (peer) => ({ ...peer.document(), signatures: {} })],
    ['is signed with a key that it does not name', (peer) => peer.document({}, generateSigningKey('x'))],
    ['is signed with another key of that name', (peer) => peer.document({}, generateSigningKey('k1'))],
    ['is signed by another server', (peer) => peer.document({}, peer.key, 'other.test')],
    ['has a time that is a text', (peer) => peer.document({ valid_until_ts: 'x' })],
    ['has a time before all time', (peer) => peer.document({ valid_until_ts: -1 })],
    ['has a time that is no integer', (peer) => ({ ...peer.document(), valid_until_ts: 1.5 })],
    ['has no keys', (peer) => peer.document({ verify_keys: {} })],
    ['has keys that are a list', (peer) => peer.document({ verify_keys: [peer.key.publicKey] })],
    [
      'has a key that is too long',
      (peer) => peer.document({ verify_keys: { 'ed25519:k1': { key: `${peer.key.publicKey}AA` } } }),
    ],
    [
      'has a key of small order',
      (peer) => peer.document({ verify_keys: { 'ed25519:k1': { key: `AQ${'A'.repeat(41)}` } } }),
    ],
    [
      'has 10,000 keys',
      (peer) =>
        peer.document({
          verify_keys: Object.fromEntries(
            Array.from({ length: 10_000 }, (_, i) => [`ed25519:k${i}`, { key: peer.key.publicKey }]),
          ),
        }),
    ],
  ])('[SEC-104] [SEC-105] [SEC-106] believes nothing of an answer that %s', async (_, answer) => {
    const { peers, keyRing } = await start()
    const peer = newPeer()
    const wrong = answer(peer)
    peers.documents.set(peer.name, () => wrong)
    expect((await keyRing.find(peer.name, ['ed25519:k1'])).size).toBe(0)
    expect((await store.serverKeys.findAll([peer.name])).size).toBe(0)
  })

  it('[SEC-104] leaves out keys whose ids are none, and takes the others', async () => {
    const { peers, keyRing } = await start()
    const peer = newPeer()
    const other = generateSigningKey()
    const keys = { 'ed25519:../x': { key: other.publicKey }, 'rsa:k': { key: other.publicKey }, 'ed25519:k3': null }
    const verifyKeys = { ...keys, [peer.key.keyId]: { key: peer.key.publicKey } }
    peers.documents.set(peer.name, () => peer.document({ verify_keys: verifyKeys }))
    const found = await keyRing.find(peer.name, ['ed25519:../x', 'rsa:k', 'ed25519:k3', 'ed25519:k1'])
    expect([...found.keys()]).toEqual(['ed25519:k1'])
  })

  it('[SEC-110] takes no key whose other half everybody knows', async () => {
    const { peers, keyRing } = await start()
    const peer = newPeer()
    const known = { 'ed25519:known': { key: 'l/O9hxMVKB6Lg+3Hqf0FQQZhVESQcMzbPN1Cz2nM3og' } }
    const verifyKeys = { ...known, [peer.key.keyId]: { key: peer.key.publicKey } }
    peers.documents.set(peer.name, () => peer.document({ verify_keys: verifyKeys }))
    expect((await keyRing.find(peer.name, ['ed25519:known'])).size).toBe(0)
  })

  it('keeps no more than a thousand keys of one server', async () => {
    const { clock, peers, keyRing } = await start()
    const peer = newPeer()
    for (let round = 0; round < 12; round++) {
      const old = Array.from({ length: 99 }, (_, i): [string, JsonObject] => [
        `ed25519:r${round}_${i}`,
        { key: peer.key.publicKey, expired_ts: 1 },
      ])
      const document = peer.document({ old_verify_keys: Object.fromEntries(old), valid_until_ts: clock.now() + day })
      peers.documents.set(peer.name, () => document)
      await keyRing.find(peer.name, [`ed25519:r${round}_0`])
      await clock.advance(60_000)
    }
    expect((await store.serverKeys.findAll([peer.name])).get(peer.name)!.length).toBe(1_000)
    expect((await keyRing.findCurrent(peer.name, ['ed25519:k1'])).size).toBe(1)
  })

  it('leaves a server that does not answer alone for longer and longer', async () => {
    const { clock, peers, keyRing } = await start()
    const { name } = newPeer()
    for (let minute = 0; minute < 60; minute++) {
      await keyRing.find(name, ['ed25519:k1'])
      await keyRing.find(name, ['ed25519:k2'])
      await clock.advance(60_000)
    }
    expect(peers.asked.length).toBeGreaterThan(5)
    expect(peers.asked.length).toBeLessThan(20)
  })

  it('does not ask a server that answers again and again for keys that somebody made up', async () => {
    const { clock, peers, keyRing } = await start()
    const peer = newPeer()
    peers.documents.set(peer.name, () => peer.document())
    for (let second = 0; second < 20; second++) {
      await keyRing.find(peer.name, [`ed25519:madeup${second}`])
      await clock.advance(1_000)
    }
    // Some times at once, and then every ten seconds.
    expect(peers.asked.length).toBeLessThanOrEqual(7)
  })

  it('asks nobody who is not to be talked to, and nobody when it is told not to', async () => {
    const { peers, keyRing } = await start({ deny: ['peer*.test'] })
    expect((await keyRing.find(newPeer().name, ['ed25519:k1'])).size).toBe(0)
    expect(peers.asked).toEqual([])
    const open = await start()
    const refusal = new Error('too many')
    await expect(open.keyRing.findCurrent(newPeer().name, ['ed25519:k1'], () => Promise.reject(refusal))).rejects.toBe(
      refusal,
    )
    expect(open.peers.asked).toEqual([])
  })

  it('waits for nobody for ever', async () => {
    const { clock, peers, keyRing } = await start()
    const peer = newPeer()
    peers.documents.set(peer.name, () => new Promise(() => undefined))
    let found: ReadonlyMap<string, unknown> | undefined
    void keyRing.find(peer.name, ['ed25519:k1']).then((keys) => (found = keys))
    // The database answers in its own time.
    while (found === undefined) {
      await clock.advance(1_000)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(found.size).toBe(0)
  })
})

describe('keys of servers of which nothing else is stored', () => {
  it('go after a week, so that names that somebody made up do not fill the database', async () => {
    const { clock, peers, keyRing } = await start()
    const [stranger, friend] = [newPeer(), newPeer()]
    await store.servers.intern(friend.name)
    for (const peer of [stranger, friend]) {
      peers.documents.set(peer.name, () => peer.document())
      await keyRing.find(peer.name, ['ed25519:k1'])
    }
    await clock.advance(8 * day)
    for (let i = 0; i < 200; i++) {
      const peer = newPeer()
      const document = peer.document({ valid_until_ts: clock.now() + day })
      peers.documents.set(peer.name, () => document)
      await keyRing.find(peer.name, ['ed25519:k1'])
    }
    const kept = await store.serverKeys.findAll([stranger.name, friend.name])
    expect([...kept.keys()]).toEqual([friend.name])
  })
})
