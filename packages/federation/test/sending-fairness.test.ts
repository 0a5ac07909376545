import { randomBytes } from 'node:crypto'
import { StreamFeed, type Change, ThisProcess } from '@hearth/core'
import { canonicalJson } from '@hearth/crypto'
import { ServerUnreachable, type RequestOptions } from '@hearth/federation-client'
import type { EventId, RoomId, ServerName, UserId } from '@hearth/protocol'
import { LocalBus } from '@hearth/queues'
import { createLogger, FakeClock, Metrics } from '@hearth/runtime'
import { eventFlags, Store, wellKnownTypes } from '@hearth/store'
import { createTestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FederationSender, ServerHealth } from '../src/index.ts'
import { setRemoteMembers } from './remote-member.ts'

const serverCount = 1_000
const own = 'hearth.test' as ServerName
const alice = `@alice:${own}` as UserId
const roomId = '!room:hearth.test' as RoomId
const deadlineMs = 60_000

/** Every fifth server lives. The others take the request and never answer. */
const isAlive = (server: string) => Number(/\d+/.exec(server)![0]) % 5 === 0

/** Other servers, and what they are sent. */
class Peers {
  readonly taken = new Map<string, number>()
  attempts = 0
  mostAtOnce = 0
  readonly #running = new Map<string, number>()
  readonly #clock: FakeClock
  readonly #health: ServerHealth

  constructor(clock: FakeClock, health: ServerHealth) {
    this.#clock = clock
    this.#health = health
  }

  async sendTransaction(
    server: ServerName,
    _txnId: string,
    body: string,
    options?: RequestOptions,
  ): Promise<Record<string, object>> {
    this.attempts += 1
    const running = (this.#running.get(server) ?? 0) + 1
    this.#running.set(server, running)
    this.mostAtOnce = Math.max(this.mostAtOnce, running)
    try {
      if (!isAlive(server)) {
        await this.#clock.sleep(deadlineMs, options?.signal)
        const error = new ServerUnreachable(server, new Error('it took too long'))
        this.#health.failed(server, error)
        throw error
      }
      await new Promise(setImmediate)
      const { pdus } = JSON.parse(body) as { pdus: unknown[] }
      this.taken.set(server, (this.taken.get(server) ?? 0) + pdus.length)
      this.#health.succeeded(server)
      return {}
    } finally {
      this.#running.set(server, running - 1)
    }
  }
}

describe('sending to a thousand servers of which four in five never answer', () => {
  const clock = new FakeClock()
  const logger = createLogger({ level: 'error' })
  let store: Store
  let drop: () => Promise<void>
  let feed: StreamFeed
  let health: ServerHealth
  let thisProcess: ThisProcess
  let sender: FederationSender
  let peers: Peers

  const servers = Array.from({ length: serverCount }, (_, n) => `s${n}.test`)
  const living = servers.filter(isAlive)
  /** How many of those that live have got that many events. */
  const reached = (events: number) => living.filter((server) => peers.taken.get(server) === events).length
  const settled = async () => {
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  const start = async () => {
    const bus = new LocalBus({ clock, logger })
    thisProcess = new ThisProcess({ store, bus, roles: ['all'], alone: true, clock, logger })
    await thisProcess.start()
    health = new ServerHealth({ store, clock, logger, bus })
    await health.start()
    peers = new Peers(clock, health)
    feed = new StreamFeed({
      readHead: () => store.streams.position(),
      readChanges: async (_after, upTo) => ({ changes: [], upTo }),
      readTold: async () => undefined,
      pollMs: 0,
      clock,
      logger,
    })
    const ownServerNid = await store.servers.intern(own)
    const deps = { store, feed, client: peers, health, clock, logger, metrics: new Metrics(), serverName: own }
    const part = { process: thisProcess, bus, maySend: true }
    sender = new FederationSender({ ...deps, ...part, ownServerNid, mayTalkTo: () => true })
    await feed.start()
    await sender.start()
  }
  const stop = async () => {
    await sender.stop()
    feed.stop()
    await health.stop()
    await thisProcess.stop()
  }

  /** Commits an event of ours and announces it, as the room's mailbox does. */
  const send = async (body: string) => {
    const { nid: roomNid } = (await store.rooms.find(roomId))!
    const head = (await store.roomHeads.findAll([roomNid])).get(roomNid)!
    const outcome = await store.persister.commit({
      roomNid,
      expectedPos: head.lastPos,
      stateNid: head.stateNid,
      events: [await newEvent('m.room.message', { body }, head.depth + 1)],
      extremities: [-1],
    })
    if (outcome.kind !== 'committed') throw new Error(outcome.kind)
    const pos = outcome.firstPos
    const change = { kind: 'event', pos, nid: pos, roomNid, roomId, outgoing: true } as unknown as Change
    feed.publish({ firstPos: pos, count: 1, changes: [change] })
  }
  const newEvent = async (type: 'm.room.create' | 'm.room.message', content: Record<string, string>, depth: number) => {
    const isState = type === 'm.room.create'
    return {
      eventId: `$${randomBytes(32).toString('base64url')}` as EventId,
      json: canonicalJson({ type, sender: alice, room_id: roomId, content, depth }),
      typeNid: wellKnownTypes[type],
      stateKeyNid: isState ? 1 : null,
      senderNid: await store.users.intern(alice),
      depth,
      ts: clock.now(),
      flags: eventFlags.outgoing,
      auth: [],
    }
  }

  beforeAll(async () => {
    const database = await createTestDatabase()
    drop = () => database.drop()
    store = await Store.open({ url: database.url, logger })
    const outcome = await store.persister.commit({
      roomNid: await store.rooms.reserveNid(),
      expectedPos: 0,
      stateNid: 0,
      newRoom: { roomId, version: '11' },
      events: [await newEvent('m.room.create', {}, 1)],
      extremities: [-1],
    })
    expect(outcome.kind).toBe('committed')
    await setRemoteMembers(
      store,
      roomId,
      servers.map((server) => `@user:${server}`),
    )
    await start()
  })
  afterAll(async () => {
    await stop()
    await store.close()
    await drop()
  })

  it('[SEC-174] reaches all that answer within two seconds, though nothing is known of any of them', async () => {
    await send('first')
    await settled()
    // Those that do not answer hold up the others for no longer than a second.
    await clock.advance(1_000)
    await settled()
    expect(reached(1)).toBe(living.length)
    expect(peers.mostAtOnce).toBe(1)
  })

  it('[SEC-174] reaches them at once afterwards, and the others are left alone', async () => {
    await clock.advance(deadlineMs)
    await settled()
    const { attempts } = peers
    await send('second')
    await settled()
    expect(reached(2)).toBe(living.length)
    expect(peers.attempts - attempts).toBe(living.length)
    expect(peers.mostAtOnce).toBe(1)
  })

  it('writes no row for an event, and one for each server that is behind', async () => {
    for (let n = 3; n <= 10; n += 1) await send(`${n}`)
    await settled()
    await clock.advance(2_000)
    await settled()
    const behind = await store.fedDestinations.listBehind()
    expect(behind).toHaveLength(serverCount - living.length)
    expect(new Set(behind.map(({ pos }) => pos)).size).toBe(1)
  })

  it('[SEC-174] leaves them alone after a restart as well, and sends the others nothing twice', async () => {
    await clock.advance(20 * 60_000)
    await settled()
    await stop()
    const health = await store.fedDestinations.listHealth()
    const due = health.filter(({ failures, retryTs }) => failures > 0 && (retryTs ?? 0) <= clock.now())
    expect(due.length).toBeLessThan(serverCount - living.length)
    await start()
    await settled()
    await send('after the restart')
    await settled()
    expect(reached(1)).toBe(living.length)
    expect(peers.attempts).toBe(living.length + due.length)
  })
})
