import { VerifyKey } from '@hearth/crypto'
import type { EventId, RoomId } from '@hearth/protocol'
import { FakePeer, type PeerHandler } from '@hearth/test-kit'
import { describe, expect, it } from 'vitest'
import { RemoteError, ServerUnreachable } from '../src/index.ts'
import { failureOf, peerForEachTest, peerName, versionPath, type World } from './peer-for-each-test.ts'
import { newClient, ownKey, ownName } from './start-client.ts'

const room = '!room:peer.test' as RoomId
const event = '$event' as EventId

let ca: World['ca']
let network: World['network']
let peer: World['peer']
let client: World['client']
peerForEachTest((world) => ({ ca, network, peer, client } = world))

describe('a request to another server', () => {
  it('is signed over its method, target, both names and body', async () => {
    await client.sendTransaction(peer.name, 'txn/1', '{"origin":"own.test","pdus":[]}')
    const { target, text, headers } = peer.requests[0]!
    expect(target).toBe('/_matrix/federation/v1/send/txn%2F1')
    expect(text).toBe('{"origin":"own.test","pdus":[]}')
    const signature = /,sig="([^"]+)"$/.exec(headers.authorization!)![1]!
    expect(headers.authorization).toBe(
      `X-Matrix origin="own.test",destination="peer.test:8448",key="${ownKey.keyId}",sig="${signature}"`,
    )
    const signed = `{"content":${text},"destination":"peer.test:8448","method":"PUT","origin":"own.test","uri":"${target}"}`
    expect(VerifyKey.import(ownKey.publicKey)!.verify(signed, signature)).toBe(true)
  })

  it('without a body is signed without content', async () => {
    peer.on('GET', /backfill/, () => ({ pdus: [] }))
    await client.backfill(peer.name, '!a/b?c#d:e' as RoomId, { from: ['$a+b' as EventId, '$c&d' as EventId], limit: 5 })
    const { target, headers, query } = peer.requests[0]!
    expect(target).toBe('/_matrix/federation/v1/backfill/!a%2Fb%3Fc%23d%3Ae?v=%24a%2Bb&v=%24c%26d&limit=5')
    expect(query.getAll('v')).toEqual(['$a+b', '$c&d'])
    const signed = `{"destination":"peer.test:8448","method":"GET","origin":"own.test","uri":"${target}"}`
    const signature = /,sig="([^"]+)"$/.exec(headers.authorization!)![1]!
    expect(VerifyKey.import(ownKey.publicKey)!.verify(signed, signature)).toBe(true)
  })

  it('sends canonical JSON, whatever an old event has in it', async () => {
    peer.on('PUT', /send_leave/, () => ({}))
    await client.sendLeave(peer.name, room, event, { b: 1.5, a: 'ü', __proto: null })
    expect(peer.requests[0]!.text).toBe('{"__proto":null,"a":"ü","b":1.5}')
  })

  it('for keys or the version is not signed', async () => {
    await client.getServerKeys(peer.name)
    await client.getVersion(peer.name)
    expect(peer.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined])
  })

  it('goes over the same connection as the one before it', async () => {
    for (let count = 0; count < 5; count++) await client.getVersion(peer.name)
    await Promise.all(Array.from({ length: 20 }, () => client.getVersion(peer.name)))
    expect(network.attempts.length).toBeLessThanOrEqual(8)
    await client.getVersion(peer.name)
    expect(network.attempts.length).toBeLessThanOrEqual(8)
  })

  it('is repeated once over a new connection when the old one turns out to be closed', async () => {
    await client.getVersion(peer.name)
    let isFirst = true
    peer.on('GET', versionPath, (_request, response) => {
      if (!isFirst) return { server: { name: 'again' } }
      isFirst = false
      response.destroy()
      return undefined
    })
    await expect(client.getVersion(peer.name)).resolves.toEqual({ name: 'again' })
    expect(network.attempts).toHaveLength(2)
  })

  it('is not repeated when the connection was new', async () => {
    peer.on('GET', versionPath, (_request, response) => void response.destroy())
    await expect(client.getVersion(peer.name)).rejects.toThrow(ServerUnreachable)
    expect(peer.requests).toHaveLength(1)
  })

  it('is not made to this server itself', async () => {
    await expect(client.getVersion(ownName)).rejects.toThrow('this server itself')
    expect(network.attempts).toEqual([])
  })

  it('is not made where federation is not allowed', async () => {
    const closed = newClient(ca, network, { mayTalkTo: (destination) => destination !== peerName })
    await expect(closed.getVersion(peer.name)).rejects.toThrow('not allowed')
    expect(network.attempts).toEqual([])
  })

  it('ends with the reason of its signal', async () => {
    peer.on('GET', versionPath, () => new Promise(() => undefined))
    const reason = new Error('nobody waits for it')
    const controller = new AbortController()
    const asked = client.getVersion(peer.name, { signal: controller.signal })
    await peer.nextRequestTo(/version/)
    controller.abort(reason)
    expect(await failureOf(asked)).toBe(reason)
    expect(await failureOf(client.getVersion(peer.name, { signal: controller.signal }))).toBe(reason)
  })

  it('waits for others to the same server, and is turned away when too many do', async () => {
    peer.on('GET', versionPath, () => new Promise(() => undefined))
    const controller = new AbortController()
    const waiting = Array.from({ length: 208 }, () => client.getVersion(peer.name, { signal: controller.signal }))
    const all = Promise.allSettled(waiting)
    await expect(client.getVersion(peer.name)).rejects.toThrow('too many are waiting')
    await peer.nextRequestTo(/version/, { after: 7 })
    expect(peer.requests).toHaveLength(8)
    controller.abort(new Error('enough'))
    await all
  })
})

describe('how a server is doing', () => {
  it('is learnt from every request, and decides about the next', async () => {
    const learnt: string[] = []
    let mayTry = true
    const watched = newClient(ca, network, {
      health: {
        mayTry: () => mayTry,
        failed: (destination, error) => void learnt.push(`${destination} ${error.name}`),
        succeeded: (destination) => void learnt.push(`${destination} answered`),
      },
    })
    await watched.getVersion(peer.name)
    peer.on('GET', versionPath, () => [403, { errcode: 'M_FORBIDDEN' }])
    await failureOf(watched.getVersion(peer.name))
    peer.on('GET', versionPath, () => [500, { errcode: 'M_UNKNOWN' }])
    await failureOf(watched.getVersion(peer.name))
    peer.on('GET', versionPath, (_request, response) => void response.destroy())
    await failureOf(watched.getVersion(peer.name))
    await failureOf(watched.getVersion(peer.name, { signal: AbortSignal.abort(new Error('gone')) }))
    mayTry = false
    await expect(watched.getVersion(peer.name)).rejects.toThrow('failed a short time ago')
    expect(learnt).toEqual([
      'peer.test:8448 answered',
      'peer.test:8448 answered',
      'peer.test:8448 RemoteError',
      'peer.test:8448 ServerUnreachable',
    ])
    peer.on('GET', versionPath, () => ({}))
    await watched.getVersion(peer.name, { ignoreBackOff: true })
    expect(learnt).toHaveLength(5)
    watched.close()
  })
})

describe('a refusal', () => {
  const refusalOf = async (handler: PeerHandler) => {
    peer.on('GET', versionPath, handler)
    return failureOf(client.getVersion(peer.name))
  }

  it('has the status, errcode, message and delay that the server gives', async () => {
    const error = await refusalOf(() => [429, { errcode: 'M_LIMIT_EXCEEDED', error: 'slowly', retry_after_ms: 1500 }])
    expect(error).toBeInstanceOf(RemoteError)
    expect(error).toMatchObject({
      destination: peer.name,
      status: 429,
      errcode: 'M_LIMIT_EXCEEDED',
      message: 'slowly',
      retryAfterMs: 1500,
    })
  })

  it('may say the delay in a header; one of more than a day counts as a day', async () => {
    const error = await refusalOf((_request, response) => {
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '999999999' })
      response.end('{"errcode":"M_LIMIT_EXCEEDED"}')
      return undefined
    })
    expect(error).toMatchObject({ retryAfterMs: 86_400_000 })
  })

  it('without errcode is one all the same, unless it is a proxy’s', async () => {
    const html = (status: number): PeerHandler => {
      return (_request, response) => void response.writeHead(status, { 'content-type': 'text/html' }).end('<p>no</p>')
    }
    expect(await refusalOf(html(404))).toMatchObject({ name: 'RemoteError', status: 404, errcode: 'M_UNRECOGNIZED' })
    expect(await refusalOf(html(400))).toMatchObject({ name: 'RemoteError', status: 400, errcode: 'M_UNKNOWN' })
    expect(await refusalOf(html(502))).toBeInstanceOf(ServerUnreachable)
    expect(await refusalOf(() => [400, { errcode: 5, error: {} }])).toMatchObject({ errcode: 'M_UNKNOWN' })
  })

  it('whose text is longer than any is still one', async () => {
    const error = await refusalOf((_request, response) => {
      response.writeHead(403, { 'content-type': 'application/json' }).end(`{"errcode":"${'x'.repeat(1_000_000)}"}`)
      return undefined
    })
    expect(error).toMatchObject({ name: 'RemoteError', status: 403, errcode: 'M_UNKNOWN' })
  })

  it('[SEC-170, S-45] that is a redirect is not followed', async () => {
    const other = await FakePeer.start({ ca, network, name: 'other.test:8448' })
    for (const status of [301, 302, 303, 307, 308]) {
      const location = `https://other.test:8448${versionPath}`
      const error = await refusalOf((_request, response) => void response.writeHead(status, { location }).end())
      expect(error).toBeInstanceOf(ServerUnreachable)
    }
    expect(other.requests).toEqual([])
    expect(network.attempts.every(({ address }) => address === peer.address)).toBe(true)
    await other[Symbol.asyncDispose]()
  })
})
