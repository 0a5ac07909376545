import type { ServerResponse } from 'node:http'
import type { EventId, JsonObject, RoomId } from '@hearth/protocol'
import { FakeNetwork, FakePeer, TestCa } from '@hearth/test-kit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { InvalidAnswer, ServerUnreachable, type FederationClient, type SendJoinOptions } from '../src/index.ts'
import { newClient } from './start-client.ts'

const room = '!room:peer.test' as RoomId
const event = '$event' as EventId

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
  peer = await FakePeer.start({ ca, network })
  client = newClient(ca, network)
})
afterEach(async () => {
  client.close()
  await peer[Symbol.asyncDispose]()
})

const join = (options?: SendJoinOptions) => client.sendJoin(peer.name, room, event, { type: 'm.room.member' }, options)

/** Answers send_join with these parts, each written by itself and no faster than they are taken. */
function answerWith(parts: () => Iterable<string | Buffer>): void {
  peer.on('PUT', /send_join/, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    void writeAll(response, parts())
    return undefined
  })
}

async function writeAll(response: ServerResponse, parts: Iterable<string | Buffer>): Promise<void> {
  let goOn = (): void => undefined
  response.on('drain', () => goOn()).on('close', () => goOn())
  for (const part of parts) {
    if (response.destroyed) return
    if (!response.write(part)) await new Promise<void>((resolve) => (goOn = resolve))
  }
  response.end()
}

async function failureOf(asked: Promise<unknown>): Promise<Error> {
  return asked.then(
    () => {
      throw new Error('it was answered')
    },
    (error: unknown) => error as Error,
  )
}

describe('a server that has the first version of the endpoint alone', () => {
  it('is asked again with that', async () => {
    const answer = { state: [{ type: 'm.room.create' }], auth_chain: [{ type: 'm.room.member' }] }
    peer.on('PUT', /v1.send_join/, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify([200, answer]))
      return undefined
    })
    expect(await join()).toEqual(answer)
    const seen: [string, JsonObject][] = []
    const streamed = await join({ onPdu: (list, pdu) => void seen.push([list, pdu]) })
    expect(streamed).toEqual({ state: [], auth_chain: [] })
    expect(seen).toEqual([
      ['state', { type: 'm.room.create' }],
      ['auth_chain', { type: 'm.room.member' }],
    ])
  })
})

describe('the answer to a join', () => {
  const awkward: JsonObject[] = [
    { type: 'a"b\\', content: { body: '},{"][\\"' } },
    { '\\': '\\\\"', state: [1, 2, [3, { auth_chain: ['x'] }]] },
    { 'ü😀': '\u0000', empty: {}, list: [] },
    {},
  ]

  it('is the same however it is cut into parts', async () => {
    const answer = {
      origin: 'peer.test',
      state: awkward,
      servers_in_room: ['a', 'b]'],
      event: { state: [{ not: 'a list of the answer' }] },
      auth_chain: [...awkward].reverse(),
      members_omitted: true,
    }
    for (const space of [undefined, 2]) {
      const text = Buffer.from(JSON.stringify(answer, null, space))
      for (const size of [1, 2, 3, 7, text.length]) {
        answerWith(function* () {
          for (let at = 0; at < text.length; at += size) yield text.subarray(at, at + size)
        })
        expect(await join({ omitMembers: true })).toEqual(answer)
      }
    }
    expect(peer.requests[0]!.query.get('omit_members')).toBe('true')
  })

  it('hands over each event as it comes, and reads no faster than they are taken', async () => {
    let written = 0
    answerWith(function* () {
      yield '{"auth_chain":[],"state":['
      for (; written < 20_000; written++) yield `${written === 0 ? '' : ','}{"n":${written},"x":"${'x'.repeat(1_000)}"}`
      yield ']}'
    })
    const taken: number[] = []
    let letGo = (): void => undefined
    const answered = join({
      onPdu: async (list, pdu) => {
        expect(list).toBe('state')
        taken.push(pdu['n'] as number)
        if (taken.length === 100) await new Promise<void>((resolve) => (letGo = resolve))
      },
    })
    await expect.poll(() => taken.length).toBe(100)
    await expect
      .poll(async () => {
        const before = written
        await new Promise((resolve) => setTimeout(resolve, 100))
        return written - before
      })
      .toBe(0)
    expect(taken).toHaveLength(100)
    expect(written).toBeLessThan(20_000)
    letGo()
    expect(await answered).toEqual({ state: [], auth_chain: [] })
    expect(taken).toEqual(Array.from({ length: 20_000 }, (_, n) => n))
  })

  it('throws what its consumer throws, and reads no further', async () => {
    answerWith(() => ['{"state":[{"n":1},{"n":2}],', '"auth_chain":[]}'])
    const failure = new Error('the disk is full')
    const onPdu = () => {
      throw failure
    }
    expect(await failureOf(join({ onPdu }))).toBe(failure)
    expect(await failureOf(join({ onPdu: () => Promise.reject(failure) }))).toBe(failure)
  })

  it('[SEC-172] loses what is no event, and keeps the others', async () => {
    const items = [
      '5',
      'null',
      '"text"',
      '[{}]',
      '{"depth":9007199254740993}',
      '{"a":1,"a":2}',
      '{"a":"\\ud800"}',
      `{"deep":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
      `{"long":"${'x'.repeat(600_000)}"}`,
      '{nonsense}',
      '{"good":true}',
    ]
    answerWith(() => [`{"state":[${items.join(' , ')}],"auth_chain":[{"good":1}]}`])
    expect(await join()).toEqual({ state: [{ good: true }], auth_chain: [{ good: 1 }] })
  })

  it.each([
    ['has no state', '{"auth_chain":[]}'],
    ['has a state that is no list', '{"auth_chain":[],"state":{}}'],
    ['has a list twice', '{"auth_chain":[],"state":[],"state":[]}'],
    ['lacks a comma', '{"auth_chain":[],"state":[{}{}]}'],
    ['has a comma too many', '{"auth_chain":[],"state":[{},]}'],
    ['has text after its end', '{"auth_chain":[],"state":[]}]'],
    ['is closed in the wrong way', '{"auth_chain":[],"state":[{}}}'],
    ['breaks off', '{"auth_chain":[],"state":[{},'],
    ['is a list', '["state",[{}]]'],
    ['has servers that are none', '{"auth_chain":[],"state":[],"servers_in_room":[5]}'],
  ])('[SEC-172] that %s is none', async (_what, text) => {
    answerWith(() => [text])
    const error = await failureOf(join())
    expect(error).toBeInstanceOf(ServerUnreachable)
    expect(error.cause).toBeInstanceOf(InvalidAnswer)
  })

  it('[SEC-172] of a million events is given up', async () => {
    answerWith(function* () {
      yield '{"state":['
      for (let count = 0; count < 1_000; count++) yield '{},'.repeat(1_000)
      yield '{}],"auth_chain":[]}'
    })
    let taken = 0
    const error = await failureOf(join({ onPdu: () => void taken++ }))
    expect(error.message).toMatch(/too many items/)
    expect(taken).toBeLessThanOrEqual(400_000)
  })

  it('[SEC-172, M-06] of something endless beside the events is given up', async () => {
    let written = 0
    answerWith(function* () {
      yield '{"state":[],"auth_chain":[],"servers_in_room":["a"'
      for (; written < 1_000; written++) yield `,"${'x'.repeat(100_000)}"`
      yield ']}'
    })
    expect((await failureOf(join())).message).toMatch(/too long outside of its lists/)
    expect(written).toBeLessThan(200)
  })

  it('[SEC-172] of 50,000 members takes little memory and holds up nothing else', async () => {
    const members = 50_000
    const pdu = (n: number) => ({
      type: 'm.room.member',
      state_key: `@user${n}:peer.test`,
      sender: `@user${n}:peer.test`,
      room_id: room,
      origin_server_ts: 1_700_000_000_000 + n,
      depth: n,
      content: {
        membership: 'join',
        displayname: `User number ${n}`,
        avatar_url: 'mxc://peer.test/abcdefghijklmnopqrstuvwx',
      },
      auth_events: ['$a'.padEnd(44, 'x'), '$b'.padEnd(44, 'x'), '$c'.padEnd(44, 'x')],
      prev_events: ['$p'.padEnd(44, 'x')],
      hashes: { sha256: 'x'.repeat(43) },
      signatures: { 'peer.test': { 'ed25519:a_1234': 'x'.repeat(86) } },
      unsigned: { age: 1 },
    })
    const slice = Buffer.from(Array.from({ length: 100 }, (_, n) => JSON.stringify(pdu(n))).join(','))
    answerWith(function* () {
      yield '{"auth_chain":[{}],"state":['
      for (let count = 0; count < members; count += 100) {
        if (count > 0) yield ','
        yield slice
      }
      yield ']}'
    })
    const before = process.memoryUsage.rss()
    let most = 0
    let taken = 0
    let turns = 0
    let isOver = false
    const turn = (): void => {
      turns++
      if (!isOver) setImmediate(turn)
    }
    turn()
    await join({
      onPdu: () => {
        if (++taken % 1_000 === 0) most = Math.max(most, process.memoryUsage.rss())
      },
    })
    isOver = true
    expect(taken).toBe(members + 1)
    const MiB = 1024 * 1024
    // The text is some 40 MB; collected late, what was parsed of it takes more than what is in use.
    expect((most - before) / MiB).toBeLessThan(200)
    // Each part of the answer is of some 100 events, and others have their turn after a few parts.
    expect(turns).toBeGreaterThan(50)
  })
})
