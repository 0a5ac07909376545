import type { EventId, JsonObject, ServerName } from '@hearth/protocol'
import { FakeClock } from '@hearth/runtime'
import type { PeerHandler } from '@hearth/test-kit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InvalidAnswer, ServerUnreachable, type FederationClient } from '../src/index.ts'
import { failureOf, json, peerForEachTest, versionPath, type World } from './peer-for-each-test.ts'
import { newClient } from './start-client.ts'

const event = '$event' as EventId

let ca: World['ca']
let network: World['network']
let peer: World['peer']
let client: World['client']
peerForEachTest((world) => ({ ca, network, peer, client } = world))

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
