import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom, TestClient } from '@hearth/test-kit'
import type { Journal, Write } from './journal.ts'

export interface WriterDeps {
  /** The client's ways to the server, one per process: when one is of no avail, it takes the next. */
  readonly clients: readonly TestClient[]
  /** What tells this writer's keys from those of others. */
  readonly name: string
  /** Rooms that the client stays in. */
  readonly roomIds: readonly string[]
  /** A room that the client joins and leaves; absent when another writer of the same user does. */
  readonly lobbyId?: string | undefined
  readonly journal: Journal
  readonly random: SeededRandom
}

/** How long an answer may take: more than any outage of the tests lasts. */
const answerLimitMs = 60_000
/** How long one write may stay without a success. */
const successLimitMs = 120_000

/** A client's sending queue: one write after the other, each repeated until it is acknowledged. */
export class Writer {
  readonly #deps: WriterDeps
  readonly #sent: Write[] = []
  #count = 0
  #isInLobby = false

  constructor(deps: WriterDeps) {
    this.#deps = deps
  }

  /** Writes until the signal, and then finishes what it has begun. */
  async run(until: AbortSignal): Promise<void> {
    const { random } = this.#deps
    while (!until.aborted) {
      const write = this.#next()
      // Some clients give up waiting and repeat a request that is still being worked on.
      const isImpatient = ['message', 'state'].includes(write.kind) && random.chance(8)
      await Promise.all([this.#carryOut(write, 0), ...(isImpatient ? [this.#carryOut(write, 1)] : [])])
      if (write.kind === 'message') this.#sent.push(write)
      await sleep(random.below(8))
    }
  }

  #next(): Write {
    const choice = this.#deps.random.below(100)
    if (choice < 66) return this.#message()
    if (choice < 78) return this.#state()
    if (choice < 84) return this.#redaction() ?? this.#message()
    if (choice < 92) return this.#accountData(`org.example.${this.#deps.name}`)
    if (choice < 94) return this.#accountData(`org.example.${randomUUID()}`)
    if (choice < 98) return this.#membership() ?? this.#message()
    return this.#room()
  }

  #message(): Write {
    const uuid = randomUUID()
    return this.#begin(uuid, {
      kind: 'message',
      method: 'PUT',
      roomId: this.#anyRoom(),
      path: (roomId) => `rooms/${roomId}/send/m.room.message/${this.#transaction()}`,
      body: { msgtype: 'm.text', body: 'hello', uuid },
    })
  }

  #state(): Write {
    const uuid = randomUUID()
    const key = `${this.#deps.name} ${this.#deps.random.below(3)}`
    return this.#begin(uuid, {
      kind: 'state',
      method: 'PUT',
      roomId: this.#anyRoom(),
      path: (roomId) => `rooms/${roomId}/state/org.example.fault/${encodeURIComponent(key)}`,
      body: { uuid },
    })
  }

  /** Redacts a message of its own, once. */
  #redaction(): Write | undefined {
    const redacts = this.#sent.splice(this.#deps.random.below(this.#sent.length || 1), 1)[0]
    if (!redacts?.result) return undefined
    const uuid = randomUUID()
    const target = encodeURIComponent(redacts.result)
    return this.#begin(uuid, {
      kind: 'redaction',
      method: 'PUT',
      roomId: redacts.roomId!,
      path: (roomId) => `rooms/${roomId}/redact/${target}/${this.#transaction()}`,
      body: { reason: uuid },
      redacts,
    })
  }

  #accountData(dataType: string): Write {
    const uuid = randomUUID()
    const userId = encodeURIComponent(this.#userId)
    return this.#begin(uuid, {
      kind: 'account data',
      method: 'PUT',
      path: () => `user/${userId}/account_data/${dataType}`,
      body: { uuid },
      dataType,
    })
  }

  #membership(): Write | undefined {
    if (this.#deps.lobbyId === undefined) return undefined
    this.#isInLobby = !this.#isInLobby
    const action = this.#isInLobby ? 'join' : 'leave'
    const uuid = randomUUID()
    return this.#begin(uuid, {
      kind: 'membership',
      method: 'POST',
      roomId: this.#deps.lobbyId,
      path: (roomId) => `rooms/${roomId}/${action}`,
      body: { reason: uuid },
    })
  }

  #room(): Write {
    const uuid = randomUUID()
    return this.#begin(uuid, { kind: 'room', method: 'POST', path: () => 'createRoom', body: { name: uuid } })
  }

  #begin(
    uuid: string,
    {
      path,
      ...write
    }: Pick<Write, 'kind' | 'method' | 'body' | 'roomId' | 'redacts' | 'dataType'> & {
      path: (roomId: string) => string
    },
  ): Write {
    const roomPart = encodeURIComponent(write.roomId ?? '')
    return this.#deps.journal.begin({ ...write, uuid, userId: this.#userId, path: path(roomPart) })
  }

  async #carryOut(write: Write, firstWay: number): Promise<void> {
    const { journal, clients } = this.#deps
    const limit = performance.now() + successLimitMs
    for (let way = firstWay; ; way += 1) {
      if (await this.#attempt(write, clients[way % clients.length]!)) return
      if (performance.now() > limit) {
        journal.problems.push(`${write.kind} ${write.uuid} did not succeed within ${successLimitMs} ms`)
        return
      }
      // Whether a room was made cannot be asked by repeating the request: that would make another one.
      if (write.kind === 'room') return
      await sleep(100 + this.#deps.random.below(200))
    }
  }

  /** Sends the request once. Resolves to whether it need not be sent again. */
  async #attempt(write: Write, client: TestClient): Promise<boolean> {
    const { journal } = this.#deps
    write.attempts += 1
    try {
      const signal = AbortSignal.timeout(answerLimitMs)
      const { status, body, text, headers } = await client.request(write.method, write.path, {
        body: write.body,
        signal,
      })
      if (status === 200) {
        journal.acknowledge(write, (body['event_id'] ?? body['room_id']) as string | undefined)
        return true
      }
      if (status === 503) {
        journal.refusals += 1
        if (headers.get('retry-after') === null) journal.problems.push(`a 503 without Retry-After for ${write.path}`)
        return false
      }
      // Somebody who has left cannot leave again: the first request was carried out.
      if (status === 403 && write.path.endsWith('/leave') && write.attempts > 1) {
        journal.acknowledge(write, undefined)
        return true
      }
      journal.problems.push(`${write.kind} ${write.uuid}, attempt ${write.attempts}: ${status} ${text}`)
      return status < 500
    } catch (error) {
      journal.cuts += 1
      if ((error as Error).name === 'TimeoutError') journal.problems.push(`no answer to ${write.path}`)
      return false
    }
  }

  get #userId(): string {
    return this.#deps.clients[0]!.userId
  }

  #anyRoom(): string {
    return this.#deps.random.pick(this.#deps.roomIds)
  }

  #transaction(): string {
    this.#count += 1
    return `${this.#deps.name}-${this.#count}`
  }
}
