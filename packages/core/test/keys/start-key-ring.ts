import { generateSigningKey, signJson, type SigningKey } from '@hearth/crypto'
import { isServerName, type JsonObject, type ServerName } from '@hearth/protocol'
import { createLogger, FakeClock, Metrics } from '@hearth/runtime'
import { Store } from '@hearth/store'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll } from 'vitest'
import { FederationPolicy, KeyRing, Notary, OwnKeys, type KeySource } from '../../src/index.ts'

export const day = 24 * 60 * 60 * 1_000
export const logger = createLogger({ level: 'error', sink: { write: () => undefined, flush: () => undefined } })
export const here = server('here.test')
export const ownKey = generateSigningKey('own')
let servers = 0

/** Gives the tests of a file a store of their own. */
export function storeForTheFile(use: (store: Store) => void): void {
  let database: TestDatabase
  let store: Store

  beforeAll(async () => {
    database = await createTestDatabase()
    store = await Store.open({ url: database.url, logger })
    use(store)
  })
  afterAll(async () => {
    await store.close()
    await database.drop()
  })
}

export function server(name: string): ServerName {
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

/** A key ring and a notary of this server among such peers. */
export async function startKeyRing(
  store: Store,
  { notaries = [] as ServerName[], deny = [] as string[], clock = new FakeClock() } = {},
) {
  const peers = new Peers()
  const own = await OwnKeys.open({ store, serverName: here, current: ownKey, clock })
  const policy = new FederationPolicy({ enabled: true, allow: ['*'], deny })
  const deps = { store, serverName: here, own, clock, logger, metrics: new Metrics() }
  const keyRing = new KeyRing({ ...deps, source: peers, notaries, policy })
  return { clock, peers, own, keyRing, notary: new Notary({ ...deps, keyRing }) }
}

/** A server that no test has used yet, with a key. */
export function newPeer(key = generateSigningKey('k1')) {
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
