import type { ServerName } from '@hearth/protocol'
import { FakeNetwork, FakePeer, TestCa, type PeerHandler } from '@hearth/test-kit'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import type { FederationClient } from '../src/index.ts'
import { newClient } from './start-client.ts'

export const peerName = 'peer.test:8448' as ServerName
export const versionPath = '/_matrix/federation/v1/version'

/** What a test has of the world: a network, one other server in it, and a client of this server. */
export interface World {
  readonly ca: TestCa
  readonly network: FakeNetwork
  readonly peer: FakePeer
  readonly client: FederationClient
}

/** Gives every test of a file a world of its own, and takes it down after the test. */
export function peerForEachTest(use: (world: World) => void): void {
  let ca: TestCa
  let world: World

  beforeAll(async () => {
    ca = await TestCa.create()
  })
  afterAll(() => ca[Symbol.asyncDispose]())
  beforeEach(async () => {
    const network = new FakeNetwork()
    const peer = await FakePeer.start({ ca, network, name: peerName })
    world = { ca, network, peer, client: newClient(ca, network) }
    use(world)
  })
  afterEach(async () => {
    world.client.close()
    await world.peer[Symbol.asyncDispose]()
  })
}

/** An answer of a peer that is this text, called JSON. */
export function json(text: string | Buffer, headers: Record<string, string> = {}): PeerHandler {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(text)
    return undefined
  }
}

/** The error that a request ends with. */
export async function failureOf(asked: Promise<unknown>): Promise<Error> {
  return asked.then(
    () => {
      throw new Error('it was answered')
    },
    (error: unknown) => error as Error,
  )
}
