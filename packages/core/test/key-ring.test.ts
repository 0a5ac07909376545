import { generateSigningKey, signJson, type SigningKey } from '@hearth/crypto'
import { isServerName, type JsonObject, type ServerName } from '@hearth/protocol'
import { createLogger, FakeClock, Metrics } from '@hearth/runtime'
import { Store } from '@hearth/store'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { FederationPolicy, KeyRing, Notary, OwnKeys, type KeySource } from '../src/index.ts'

const day = 24 * 60 * 60 * 1_000
const logger = createLogger({ level: 'error', sink: { write: () => undefined, flush: () => undefined } })
const here = server('here.test')
let database: TestDatabase
let store: Store
let servers = 0

beforeAll(async () => {
  database = await createTestDatabase()
  store = await Store.open({ url: database.url, logger })
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

function server(name: string): ServerName {
  if (!isServerName(name)) throw new Error(`${name} is no server name`)
  return name
}

/** Other servers as a test wants them: what they say of their keys, and how often they were asked. */
class Peers implements KeySource {
  readonly documents = new Map<string, (() => JsonObject | Promise<JsonObject>) | undefined>()
  readonly asked: string[] = []
  readonly queries: { notary: string; servers: string[] }[] = []
  notary: (servers: string[]) => JsonObject[] = () => []

  async getServerKeys(name: ServerName): Promise<JsonObject> {
    this.asked.push(name)
    const document = this.documents.get(name)
    if (document === undefined) throw new Error('connection refused')
    return document()
  }

  async queryKeys(notary: ServerName, wanted: Readonly<Record<string, unknown>>): Promise<JsonObject[]> {
    this.queries.push({ notary, servers: Object.keys(wanted) })
    return this.notary(Object.keys(wanted))
  }
}

async function start({ notaries = [] as ServerName[], deny = [] as string[], clock = new FakeClock() } = {}) {
  const peers = new Peers()
  const own = await OwnKeys.open({ store, serverName: here, current: ownKey, clock })
  const policy = new FederationPolicy({ enabled: true, allow: ['*'], deny })
  const deps = { store, serverName: here, own, clock, logger, metrics: new Metrics() }
  const keyRing = new KeyRing({ ...deps, source: peers, notaries, policy })
  return { clock, peers, own, keyRing, notary: new Notary({ ...deps, keyRing }) }
}

const ownKey = generateSigningKey('own')

/** A server that no test has used yet, with a key. */
function newPeer(key = generateSigningKey('k1')) {
  const name = server(`peer${servers++}.test`)
  return {
    name,
    key,
    /** What it says of its keys, with whatever a test wants to be different. */
    document(changes: JsonObject = {}, signedWith: SigningKey = key, signer: string = name): JsonObject {
      const plain = {
        server_name: name,
        verify_keys: { [key.keyId]: { key: key.publicKey } },
        old_verify_keys: {},
        valid_until_ts: Date.UTC(2026, 0, 2),
        ...changes,
      }
      return signJson(plain, signer, signedWith)
    },
  }
}

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
