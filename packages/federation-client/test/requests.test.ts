import { VerifyKey } from '@hearth/crypto'
import type { EventId, JsonObject, RoomId, ServerName, UserId } from '@hearth/protocol'
import { FakeClock } from '@hearth/runtime'
import { FakeNetwork, FakePeer, TestCa, type PeerHandler } from '@hearth/test-kit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { InvalidAnswer, RemoteError, ServerUnreachable, type FederationClient } from '../src/index.ts'
import { newClient, ownKey, ownName } from './start-client.ts'

const room = '!room:peer.test' as RoomId
const event = '$event' as EventId
const user = '@user:peer.test' as UserId
const peerName = 'peer.test:8448' as ServerName
const versionPath = '/_matrix/federation/v1/version'

let ca: TestCa
let network: FakeNetwork
let peer: FakePeer
let client: FederationClient

beforeAll(async () => {
  ca = await TestCa.create()
})
afterAll(() => ca[Symbol.asyncDispose]())
beforeEach(async () => {
  network = new FakeNetwork()
  peer = await FakePeer.start({ ca, network, name: peerName })
  client = newClient(ca, network)
})
afterEach(async () => {
  client.close()
  await peer[Symbol.asyncDispose]()
})

const json = (text: string | Buffer, headers: Record<string, string> = {}): PeerHandler => {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(text)
    return undefined
  }
}

async function failureOf(asked: Promise<unknown>): Promise<Error> {
  return asked.then(
    () => {
      throw new Error('it was answered')
    },
    (error: unknown) => error as Error,
  )
}

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

describe('an answer', () => {
  const invalid = async (
    handler: PeerHandler,
    ask = () => client.getVersion(peer.name),
    path: string | RegExp = versionPath,
  ) => {
    peer.on('GET', path, handler)
    const error = await failureOf(ask())
    expect(error).toBeInstanceOf(ServerUnreachable)
    expect(error.cause).toBeInstanceOf(InvalidAnswer)
  }

  it.each([
    ['is not JSON', '<p>hello</p>'],
    ['is empty', ''],
    ['is no object', '[]'],
    ['has the wrong types', '{"server":{"name":5}}'],
    ['has a key twice', '{"server":{},"server":{}}'],
    ['is not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['is nested too deeply', '['.repeat(10_000) + ']'.repeat(10_000)],
    ['breaks off', '{"server":{'],
  ])('[SEC-173] that %s is none', async (_what, text) => {
    await invalid(json(text))
  })

  it('[SEC-173] of another type than JSON is none', async () => {
    await invalid((_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('{}'))
    await invalid((_request, response) => void response.writeHead(200).end('{}'))
    await invalid((_request, response) => void response.writeHead(204).end())
  })

  it('[SEC-173] that is compressed is not unpacked', async () => {
    await invalid(json('irrelevant', { 'content-encoding': 'gzip' }))
  })

  it('[SEC-173, M-06] that is too long is none, whether it says so or not', async () => {
    await invalid(json('{}', { 'content-length': '1000000000' }))
    let written = 0
    await invalid((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const part = Buffer.alloc(64 * 1024, ' ')
      const write = (): void => {
        while (!response.destroyed && written < 2 ** 30) {
          written += part.length
          if (!response.write(part)) return void response.once('drain', write)
        }
      }
      write()
      return undefined
    })
    expect(written).toBeLessThan(64 * 1024 * 1024)
  })

  it('may have further properties', async () => {
    peer.on('GET', versionPath, json('{"server":{"name":"x","more":[1]},"more":{}}'))
    await expect(client.getVersion(peer.name)).resolves.toMatchObject({ name: 'x' })
  })

  it('of JSON may say its character set', async () => {
    peer.on('GET', versionPath, json('{}', { 'content-type': 'Application/JSON; charset=utf-8' }))
    await expect(client.getVersion(peer.name)).resolves.toEqual({})
  })

  it('may have events that are too deep for anything else, and keys called __proto__', async () => {
    const content = `{"a":${'['.repeat(800)}${']'.repeat(800)},"__proto__":1}`
    peer.on('GET', /event/, json(`{"pdus":[{"content":${content}}]}`))
    const pdu = await client.getEvent(peer.name, event)
    expect(Object.keys(pdu['content'] as JsonObject)).toEqual(['a', '__proto__'])
  })
})

describe('a slow server', () => {
  let clock: FakeClock
  let slow: FederationClient

  beforeEach(() => {
    clock = new FakeClock()
    slow = newClient(ca, network, { clock })
  })
  afterEach(() => slow.close())

  /** Lets time pass, second by second, until the request has ended; says after how many. */
  const secondsUntil = async (asked: Promise<unknown>): Promise<{ error: Error; seconds: number }> => {
    let isOver = false
    const failure = failureOf(asked).finally(() => (isOver = true))
    let seconds = 0
    for (; !isOver && seconds < 1_000; seconds++) {
      await clock.advance(1_000)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    return { error: await failure, seconds }
  }

  it('[SEC-174] that accepts connections and says nothing is given up', async () => {
    const { createServer } = await import('node:net')
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    network.listen(network.addHost('silent.test'), 8448, (silent.address() as { port: number }).port)
    const { error, seconds } = await secondsUntil(slow.getVersion('silent.test:8448' as ServerName))
    expect(error.message).toMatch(/connecting took more than/)
    expect(seconds).toBeLessThan(15)
    silent.close()
  })

  it('whose DNS does not answer is given up', async () => {
    network.addressesOf = () => new Promise(() => undefined)
    const { error, seconds } = await secondsUntil(slow.getVersion(peer.name))
    expect(error.message).toMatch(/connecting took more than/)
    expect(seconds).toBeLessThan(15)
  })

  it('that does not begin to answer is given up', async () => {
    peer.on('GET', versionPath, () => new Promise(() => undefined))
    const asked = slow.getVersion(peer.name)
    const caught = failureOf(asked)
    await peer.nextRequestTo(/version/)
    const { error } = await secondsUntil(asked)
    expect(error.message).toMatch(/the beginning of the answer took more than 30000 ms/)
    await caught
  })

  it('that stops in the middle of an answer is given up', async () => {
    peer.on('GET', versionPath, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"server":')
      return undefined
    })
    const asked = slow.getVersion(peer.name)
    const caught = failureOf(asked)
    await peer.nextRequestTo(/version/)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const { error } = await secondsUntil(asked)
    expect(error.message).toMatch(
      /the answer took more than 20000 ms|the next part of the answer took more than 20000 ms/,
    )
    await caught
  })

  it('[SEC-173] that answers byte by byte is given up when the time for all of it is over', async () => {
    peer.on('GET', versionPath, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => void response.write(' '), 1)
      response.once('close', () => clearInterval(timer))
      return undefined
    })
    const { error } = await secondsUntil(slow.getVersion(peer.name, { deadlineMs: 40_000 }))
    expect(error.message).toMatch(/the request took more than 40000 ms/)
  })

  it('leaves no timer behind', async () => {
    await slow.getVersion(peer.name)
    await failureOf(slow.getEvent(peer.name, event))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('the certificate of a server', () => {
  const otherCa = TestCa.create()
  afterAll(async () => (await otherCa)[Symbol.asyncDispose]())

  const failureWith = async (certificate: { certificate: string; privateKey: string }, name = 'bad.test:8448') => {
    await using bad = await FakePeer.start({ ca, network, name, certificate })
    if (!name.startsWith('bad')) network.listen(name.split(':')[0]!, 8448, bad.localPort)
    const error = await failureOf(client.getVersion(name as ServerName))
    expect(bad.requests).toEqual([])
    return error
  }

  it('[SEC-169] must be by an authority that is trusted', async () => {
    const error = await failureWith(await (await otherCa).issue('bad.test'))
    expect(error).toBeInstanceOf(ServerUnreachable)
    expect(error.message).toMatch(/certificate/)
  })

  it('[SEC-169] must be for its name, and a name beside it does not count', async () => {
    expect((await failureWith(await ca.issue('other.test'))).message).toMatch(/altnames/)
    expect((await failureWith(await ca.issue('test'))).message).toMatch(/altnames/)
  })

  it('[SEC-169] must not have expired', async () => {
    const certificate = await ca.issue('bad.test', { notAfter: new Date(Date.now() - 60_000) })
    expect((await failureWith(certificate)).message).toMatch(/expired/)
  })

  it('[SEC-169] must be for the address where the name is one', async () => {
    expect((await failureWith(await ca.issue('bad.test'), '7.7.7.7:8448')).message).toMatch(/altnames|IP/)
  })

  it('[SEC-169] must be for the server’s own name where DNS leads to another host', async () => {
    await using bad = await FakePeer.start({ ca, network, name: 'target.test:8448' })
    network.addHost('bad.test')
    network.addSrv('_matrix-fed._tcp.bad.test', [{ name: 'target.test', port: 8448, priority: 0, weight: 0 }])
    expect((await failureOf(client.getVersion('bad.test' as ServerName))).message).toMatch(/altnames/)
    expect(bad.requests).toEqual([])
  })
})

describe('an invitation', () => {
  const invitation = { roomVersion: '1', event: { type: 'm.room.member' }, inviteRoomState: [{ type: 'm.room.name' }] }

  it('is sent by version 2 of the API', async () => {
    peer.on('PUT', /v2\/invite/, ({ body }) => ({ event: body['event'] as JsonObject }))
    await expect(client.invite(peer.name, room, event, invitation)).resolves.toEqual(invitation.event)
    expect(peer.requests[0]!.body).toEqual({
      room_version: '1',
      event: invitation.event,
      invite_room_state: invitation.inviteRoomState,
    })
  })

  it('is sent by version 1 to a server that has no other, for rooms of the first versions', async () => {
    peer.on('PUT', /v1\/invite/, ({ body }) => [200, [200, { event: body }]])
    const answer = await client.invite(peer.name, room, event, invitation)
    expect(answer).toEqual({ type: 'm.room.member', unsigned: { invite_room_state: [{ type: 'm.room.name' }] } })
    const error = await failureOf(client.invite(peer.name, room, event, { ...invitation, roomVersion: '10' }))
    expect(error).toMatchObject({ errcode: 'M_UNRECOGNIZED' })
    expect(peer.requestsTo(/v1\/invite/)).toHaveLength(1)
  })

  it('that is refused is not sent again', async () => {
    peer.on('PUT', /v2\/invite/, () => [403, { errcode: 'M_FORBIDDEN' }])
    await expect(client.invite(peer.name, room, event, invitation)).rejects.toThrow(RemoteError)
    expect(peer.requests).toHaveLength(1)
  })
})

describe('operations', () => {
  it('ask what the specification says', async () => {
    peer.on('GET', /make_join/, () => ({ room_version: '11', event: { type: 'm.room.member' } }))
    peer.on('GET', /make_leave/, () => ({ event: { type: 'm.room.member' } }))
    peer.on('GET', /publicRooms/, () => ({ chunk: [{ room_id: room }, 5] }))
    peer.on('POST', /publicRooms/, () => ({ chunk: [], next_batch: 'n' }))
    peer.on('GET', /query\/directory/, () => ({ room_id: room, servers: ['a', 'b'] }))
    peer.on('GET', /query\/profile/, () => ({ displayname: 'x' }))
    peer.on('GET', /hierarchy/, () => ({ room: {}, children: [{}] }))
    peer.on('GET', /timestamp_to_event/, () => ({ event_id: event, origin_server_ts: 1 }))
    peer.on('POST', /get_missing_events/, () => ({ events: [{ depth: 1 }] }))
    peer.on('GET', /state_ids/, () => ({ pdu_ids: ['$a', 5], auth_chain_ids: [] }))
    peer.on('GET', /event_auth/, () => ({ auth_chain: [{ a: 1 }] }))
    peer.on('PUT', /send_knock/, () => ({ knock_room_state: [{ type: 'm.room.name' }] }))
    peer.on('POST', /policy\/v1\/sign/, () => ({ 'peer.test': { 'ed25519:policy_server': 'sig' } }))
    peer.on('POST', /key\/v2\/query/, () => ({ server_keys: [peer.keyDocument(), 'x'] }))
    const { name } = peer
    await expect(client.makeJoin(name, room, user, ['11', '12'])).resolves.toMatchObject({ room_version: '11' })
    await expect(client.makeLeave(name, room, user)).resolves.toMatchObject({ room_version: '1' })
    await expect(client.publicRooms(name, { limit: 1 })).resolves.toEqual({ chunk: [{ room_id: room }] })
    const filter = { generic_search_term: 'x', room_types: [null] }
    await expect(client.publicRooms(name, { since: 's', filter })).resolves.toEqual({ chunk: [], next_batch: 'n' })
    await expect(client.queryDirectory(name, '#a:peer.test' as never)).resolves.toEqual({
      room_id: room,
      servers: ['a', 'b'],
    })
    await expect(client.queryProfile(name, user, 'displayname')).resolves.toEqual({ displayname: 'x' })
    await expect(client.hierarchy(name, room, { suggestedOnly: true })).resolves.toEqual({ room: {}, children: [{}] })
    await expect(client.timestampToEvent(name, room, { ts: 1, dir: 'b' })).resolves.toMatchObject({ event_id: event })
    const range = { earliestEvents: [event], latestEvents: [event], limit: 10, minDepth: 3 }
    await expect(client.getMissingEvents(name, room, range)).resolves.toEqual([{ depth: 1 }])
    await expect(client.getStateIds(name, room, event)).resolves.toEqual({ pdu_ids: ['$a'], auth_chain_ids: [] })
    await expect(client.getEventAuth(name, room, event)).resolves.toEqual([{ a: 1 }])
    await expect(client.sendKnock(name, room, event, {})).resolves.toEqual([{ type: 'm.room.name' }])
    await expect(client.askPolicyServerToSign(name, {})).resolves.toHaveProperty('peer.test')
    await expect(client.queryKeys(name, { 'a.test': {} })).resolves.toHaveLength(1)
    expect(peer.requests.map(({ method, target }) => `${method} ${target.replace('/_matrix/', '')}`)).toEqual([
      'GET federation/v1/make_join/!room%3Apeer.test/%40user%3Apeer.test?ver=11&ver=12',
      'GET federation/v1/make_leave/!room%3Apeer.test/%40user%3Apeer.test',
      'GET federation/v1/publicRooms?limit=1',
      'POST federation/v1/publicRooms',
      'GET federation/v1/query/directory?room_alias=%23a%3Apeer.test',
      'GET federation/v1/query/profile?user_id=%40user%3Apeer.test&field=displayname',
      'GET federation/v1/hierarchy/!room%3Apeer.test?suggested_only=true',
      'GET federation/v1/timestamp_to_event/!room%3Apeer.test?ts=1&dir=b',
      'POST federation/v1/get_missing_events/!room%3Apeer.test',
      'GET federation/v1/state_ids/!room%3Apeer.test?event_id=%24event',
      'GET federation/v1/event_auth/!room%3Apeer.test/%24event',
      'PUT federation/v1/send_knock/!room%3Apeer.test/%24event',
      'POST policy/v1/sign',
      'POST key/v2/query',
    ])
    expect(peer.requests[3]!.body).toEqual({ since: 's', filter })
    expect(peer.requests[8]!.body).toEqual({
      earliest_events: [event],
      latest_events: [event],
      limit: 10,
      min_depth: 3,
    })
    expect(peer.requests.at(-1)!.body).toEqual({ server_keys: { 'a.test': {} } })
  })
})
