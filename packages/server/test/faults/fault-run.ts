import { setTimeout as sleep } from 'node:timers/promises'
import {
  checkDatabase,
  positionOfToken,
  type SeededRandom,
  type ServerProcess,
  type TestClient,
} from '@hearth/test-kit'
import { checkJournal } from './check-journal.ts'
import { checkReader, checkReadersAccountData, checkRoomView } from './check-reader.ts'
import { Journal } from './journal.ts'
import { Reader } from './reader.ts'
import { readTruth, type StoredTruth } from './stored-truth.ts'
import { Writer } from './writer.ts'

export interface FaultRunDeps {
  /** Processes of one deployment. */
  readonly servers: readonly ServerProcess[]
  readonly random: SeededRandom
}

export interface RoundReport {
  readonly writes: number
  /** Writes that were in doubt: an attempt was cut off or refused with 503. */
  readonly inDoubt: number
  /** Attempts that were cut off, and those that were refused. */
  readonly cuts: number
  readonly refusals: number
  /** From the moment when the fault was mended, as far as the test does it, until a write succeeded. */
  readonly recoveryMs: number
  readonly checkMs: number
  readonly durationMs: number
}

/** Lines of the log that say that something is away, which is what the tests are about. */
const expectedErrors =
  /the embedded PostgreSQL (ended unexpectedly|could not be started)|a consumer of the stream failed/

const serverName = 'hearth.test'
const userNames = ['anna', 'ben', 'cora', 'dan']
const writersPerUser = 3
/** Versions whose events have different forms. */
const roomVersions = ['12', '11', '6', '1']
/** How long readers may take to see everything once nothing is written any more. */
const settleLimitMs = 20_000

interface User {
  readonly client: TestClient
  readonly reader: Reader
  readonly writers: readonly Writer[]
  /** Rooms that the user has been in from the beginning. */
  readonly roomIds: readonly string[]
  /** Where the reader once was. */
  readonly tokens: string[]
}

/** Clients at work on a server that is being killed, and the questions asked afterwards. */
export class FaultRun {
  readonly journal = new Journal()
  readonly #servers: readonly ServerProcess[]
  readonly #random: SeededRandom
  readonly #users: User[] = []

  constructor(deps: FaultRunDeps) {
    this.#servers = deps.servers
    this.#random = deps.random
  }

  /** Registers the users and makes their rooms. */
  async setUp(): Promise<void> {
    const [first] = this.#servers
    const clients = await Promise.all(userNames.map((name) => first!.register(name)))
    const [owner, ...others] = clients
    const everybodyMay = { power_level_content_override: { state_default: 0, redact: 0 } }
    const roomIds: string[] = []
    for (const version of [...roomVersions, '12']) {
      const options = { preset: 'public_chat', room_version: version, ...everybodyMay }
      roomIds.push(await owner!.createRoom(options))
    }
    const [lobbyId, ...sharedIds] = roomIds.reverse()
    for (const client of others) for (const roomId of sharedIds) await client.join(roomId)
    clients.forEach((client, index) => {
      this.#users.push(this.#user(client, index, sharedIds, lobbyId!))
    })
  }

  #user(client: TestClient, index: number, sharedIds: readonly string[], lobbyId: string): User {
    const ways = this.#servers.map((server) => client.following(() => server.url))
    const writers = Array.from({ length: writersPerUser }, (_, number) => {
      // With several processes, every user has writers that begin at each of them.
      const first = (index + number) % ways.length
      return new Writer({
        clients: [...ways.slice(first), ...ways.slice(0, first)],
        name: `${userNames[index]}-${number}`,
        roomIds: sharedIds,
        lobbyId: index > 0 && number === 0 ? lobbyId : undefined,
        journal: this.journal,
        random: this.#random.fork(),
      })
    })
    const reading = ways[index % ways.length]!
    const reader = new Reader({ client: reading, timelineLimit: [5, 20, 100, 10][index]! })
    return { client: reading, writers, reader, roomIds: index === 0 ? [...sharedIds, lobbyId] : sharedIds, tokens: [] }
  }

  /**
   * Lets everybody write and read, has `fault` break something meanwhile and mend it, waits until all is calm, and checks
   * everything. Gives what is wrong.
   */
  async round(fault: () => Promise<void>): Promise<{ problems: string[]; report: RoundReport }> {
    const began = performance.now()
    const { journal } = this
    const before = { writes: journal.writes.length, cuts: journal.cuts, refusals: journal.refusals }
    const stop = new AbortController()
    for (const { reader } of this.#users) reader.start()
    const writing = this.#users.flatMap(({ writers }) => writers.map((writer) => writer.run(stop.signal)))
    const noting = this.#noteTokens(stop.signal)
    let recoveryMs: number
    try {
      await sleep(this.#random.between(200, 1_200))
      await fault()
      recoveryMs = await this.#untilAcknowledged()
      await sleep(this.#random.between(100, 400))
    } finally {
      stop.abort()
      await Promise.all([...writing, noting])
    }
    const calm = performance.now()
    const problems = await this.#verify()
    const writes = journal.writes.slice(before.writes)
    const report = {
      writes: writes.length,
      inDoubt: writes.filter(({ attempts, acknowledgments }) => attempts > acknowledgments).length,
      cuts: journal.cuts - before.cuts,
      refusals: journal.refusals - before.refusals,
      recoveryMs: Math.round(recoveryMs),
      checkMs: Math.round(performance.now() - calm),
      durationMs: Math.round(performance.now() - began),
    }
    return { problems: [...problems, ...journal.problems.splice(0)], report }
  }

  /** Checks everything that takes long and need not be repeated: whole histories, and what is derived from the stream. */
  async finish(): Promise<string[]> {
    const problems: string[] = []
    const truth = await this.#truth()
    for (const { client, roomIds } of this.#users) {
      const reader = new Reader({ client, timelineLimit: 30 })
      await reader.catchUp()
      problems.push(...checkReader(`a new reader of ${client.userId}`, reader, roomIds, truth))
      problems.push(...checkReadersAccountData(`a new reader of ${client.userId}`, reader, client.userId, truth))
    }
    const check = async () => (await checkDatabase({ url: this.#databaseUrl, serverName, statistics: true })).problems
    let left = await check()
    for (const limit = performance.now() + settleLimitMs; left.length > 0 && performance.now() < limit;) {
      await sleep(500)
      left = await check()
    }
    const errors = this.#servers.flatMap((server) => server.errors).filter((line) => !expectedErrors.test(line))
    return [...problems, ...left, ...errors.map((line) => `logged: ${line}`)]
  }

  get #databaseUrl(): string {
    return this.#servers[0]!.databaseUrl
  }

  /** Remembers where readers are now and then. */
  async #noteTokens(until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      await sleep(100)
      for (const { reader, tokens } of this.#users) if (reader.token !== undefined) tokens.push(reader.token)
    }
  }

  async #untilAcknowledged(): Promise<number> {
    const began = performance.now()
    const acknowledged = (): number => this.journal.writes.reduce((sum, write) => sum + write.acknowledgments, 0)
    const before = acknowledged()
    while (acknowledged() === before && performance.now() - began < 60_000) await sleep(10)
    return performance.now() - began
  }

  #truth(): Promise<StoredTruth> {
    return readTruth(this.#databaseUrl)
  }

  async #verify(): Promise<string[]> {
    const truth = await this.#truth()
    // Nothing is written while they come to the end: what was stored has to reach them by itself.
    const late = await this.#settle(truth)
    for (const { reader } of this.#users) await reader.stop()
    const { problems, unused } = await checkDatabase({ url: this.#databaseUrl, serverName })
    const views = await Promise.all(this.#users.map((user) => this.#checkViews(user, truth)))
    return [...late, ...problems, ...checkJournal(this.journal, truth, unused), ...views.flat()]
  }

  /** Waits until all readers have all events. */
  async #settle(truth: StoredTruth): Promise<string[]> {
    const began = performance.now()
    const isBehind = ({ reader, roomIds }: User): boolean =>
      roomIds.some(
        (roomId) => truth.rooms.get(roomId)!.events.at(-1)!.eventId !== reader.rooms.get(roomId)?.eventIds.at(-1),
      )
    while (this.#users.some(isBehind)) {
      if (performance.now() - began > settleLimitMs) return ['readers did not come to the end of the stream']
      await sleep(20)
    }
    return []
  }

  async #checkViews({ client, reader, roomIds, tokens }: User, truth: StoredTruth): Promise<string[]> {
    const name = `the reader of ${client.userId}`
    const problems = checkReader(name, reader, roomIds, truth)
    problems.push(...checkReadersAccountData(name, reader, client.userId, truth))
    for (const roomId of roomIds) problems.push(...(await checkRoomView(client, roomId, truth)))
    // A token from before the fault still leads to everything that came after it.
    const token = tokens.length > 0 ? this.#random.pick(tokens) : reader.token!
    const late = new Reader({ client, timelineLimit: 50, since: token })
    await late.catchUp()
    problems.push(...checkReader(`a reader since ${token}`, late, roomIds, truth, positionOfToken(token)))
    tokens.splice(0)
    return problems
  }
}
