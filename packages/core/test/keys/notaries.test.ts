import { generateSigningKey, signJson } from '@hearth/crypto'
import type { JsonObject } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import { describe, expect, it } from 'vitest'
import { day, here, newPeer, startKeyRing, storeForTheFile } from './start-key-ring.ts'

let store: Store
storeForTheFile((opened) => (store = opened))
const start = (options?: Parameters<typeof startKeyRing>[1]) => startKeyRing(store, options)

describe('asking notaries', () => {
  async function withNotary() {
    const notary = newPeer()
    const started = await start({ notaries: [notary.name] })
    started.peers.documents.set(notary.name, () => notary.document())
    return { ...started, notary }
  }

  it('is done in bulk for servers that do not answer', async () => {
    const { notary, peers, keyRing } = await withNotary()
    const gone = Array.from({ length: 250 }, () => newPeer())
    const known = new Map(gone.map((peer) => [peer.name as string, peer]))
    peers.notary = (names) => names.map((name) => signJson(known.get(name)!.document(), notary.name, notary.key))
    const found = await Promise.all(gone.map(({ name }) => keyRing.find(name, ['ed25519:k1'])))
    expect(found.every((keys) => keys.size === 1)).toBe(true)
    expect(peers.queries.length).toBeLessThan(10)
    expect(peers.queries.every((query) => query.servers.length <= 100)).toBe(true)
  })

  it('is done as well while a server keeps one waiting', async () => {
    const { notary, clock, peers, keyRing } = await withNotary()
    const slow = newPeer()
    peers.documents.set(slow.name, () => new Promise(() => undefined))
    peers.notary = () => [signJson(slow.document(), notary.name, notary.key)]
    const finding = keyRing.find(slow.name, ['ed25519:k1'])
    // The database answers in its own time; only then does the patience begin to run out.
    while (!peers.asked.includes(slow.name)) await new Promise((resolve) => setTimeout(resolve, 5))
    await clock.advance(2_000)
    expect((await finding).size).toBe(1)
    expect(peers.queries.length).toBe(1)
  })

  it.each<[string, (peer: ReturnType<typeof newPeer>, notary: ReturnType<typeof newPeer>) => JsonObject]>([
    ['the notary has not signed', (peer) => peer.document()],
    [
      'somebody else has signed as the notary',
      (peer, notary) => signJson(peer.document(), notary.name, generateSigningKey('k1')),
    ],
    [
      'the server has not signed',
      (peer, notary) => signJson({ ...peer.document(), signatures: {} }, notary.name, notary.key),
    ],
    [
      'is about a server that was not asked for',
      (_, notary) => signJson(newPeer().document(), notary.name, notary.key),
    ],
  ])('believes nothing that %s', async (_, answer) => {
    const { notary, peers, keyRing } = await withNotary()
    const gone = newPeer()
    peers.notary = () => [answer(gone, notary)]
    expect((await keyRing.find(gone.name, ['ed25519:k1'])).size).toBe(0)
    expect(peers.queries.length).toBe(1)
  })

  it('changes no key that the server has shown itself', async () => {
    const { notary, clock, peers, keyRing } = await withNotary()
    const peer = newPeer()
    peers.documents.set(peer.name, () => peer.document())
    await keyRing.find(peer.name, ['ed25519:k1'])
    peers.documents.delete(peer.name)
    await clock.advance(3 * day)
    const forged = newPeer(generateSigningKey('k1'))
    const verifyKeys = { verify_keys: { 'ed25519:k1': { key: forged.key.publicKey } } }
    const until = { valid_until_ts: clock.now() + day }
    const documents = [{ ...verifyKeys, ...until }].map((changes) => peer.document(changes, forged.key))
    peers.documents.set(notary.name, () => notary.document(until))
    peers.notary = () => documents.map((document) => signJson(document, notary.name, notary.key))
    expect((await keyRing.findCurrent(peer.name, ['ed25519:k1'])).size).toBe(0)
    expect((await keyRing.find(peer.name, ['ed25519:k1'])).get('ed25519:k1')?.publicKey).toBe(peer.key.publicKey)
    // What the notary says of the same key does count.
    await clock.advance(60_000 + 10 * 60_000)
    peers.notary = () => [signJson(peer.document(until), notary.name, notary.key)]
    expect((await keyRing.findCurrent(peer.name, ['ed25519:k1'])).size).toBe(1)
  })
})

describe('being a notary', () => {
  it('gives what a server says, with a signature of its own, and answers when the server is gone', async () => {
    const { clock, peers, keyRing, notary } = await start()
    const peer = newPeer()
    peers.documents.set(peer.name, () => peer.document())
    const wanted = new Map([[peer.name, { keyIds: [] }]])
    const [given] = await notary.documentsOf(wanted)
    expect(await keyRing.verifyJson(here, given!)).toBe('valid')
    expect(await keyRing.verifyJson(peer.name, given!)).toBe('valid')
    peers.documents.delete(peer.name)
    await clock.advance(30 * day)
    expect((await notary.documentsOf(wanted)).length).toBe(1)
  })

  it('asks the server anew after half of the validity, or when the keys should be valid for longer', async () => {
    const { clock, peers, notary } = await start()
    const peer = newPeer()
    peers.documents.set(peer.name, () => peer.document({ valid_until_ts: Date.UTC(2026, 0, 1) + day }))
    await notary.documentsOf(new Map([[peer.name, { keyIds: [] }]]))
    await clock.advance(day / 2 - 60_000)
    await notary.documentsOf(new Map([[peer.name, { keyIds: [] }]]))
    expect(peers.asked.length).toBe(1)
    await notary.documentsOf(new Map([[peer.name, { keyIds: [], until: Date.UTC(2026, 0, 3) }]]))
    expect(peers.asked.length).toBe(2)
    await clock.advance(120_000)
    await notary.documentsOf(new Map([[peer.name, { keyIds: [] }]]))
    expect(peers.asked.length).toBe(2)
    await clock.advance(day / 3)
    await notary.documentsOf(new Map([[peer.name, { keyIds: [] }]]))
    expect(peers.asked.length).toBe(3)
  })

  it('gives its own keys', async () => {
    const { keyRing, notary } = await start()
    const [own, ...rest] = await notary.documentsOf(new Map([[here, { keyIds: [] }]]))
    expect(rest).toEqual([])
    expect(await keyRing.verifyJson(here, own!)).toBe('valid')
  })

  it('gives old keys of a server as well, and nothing of one that it knows nothing of', async () => {
    const { clock, peers, notary } = await start()
    const peer = newPeer()
    peers.documents.set(peer.name, () => peer.document())
    await notary.documentsOf(new Map([[peer.name, { keyIds: [] }]]))
    await clock.advance(day)
    const next = generateSigningKey('k2')
    const changes = { verify_keys: { [next.keyId]: { key: next.publicKey } }, valid_until_ts: clock.now() + day }
    const document = peer.document(changes, next)
    peers.documents.set(peer.name, () => document)
    const given = await notary.documentsOf(new Map([[peer.name, { keyIds: [] }]]))
    expect(given.map((each) => Object.keys(each['verify_keys'] as JsonObject))).toEqual([
      ['ed25519:k2'],
      ['ed25519:k1'],
    ])
    const [first] = await notary.documentsOf(new Map([[peer.name, { keyIds: ['ed25519:k1'], until: 5 }]]))
    expect(Object.keys(first!['verify_keys'] as JsonObject)).toEqual(['ed25519:k1'])
    expect(await notary.documentsOf(new Map([[newPeer().name, { keyIds: [] }]]))).toEqual([])
  })
})
