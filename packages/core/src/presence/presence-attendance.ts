import { isJsonObject, type JsonObject } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import type { Clock, Timer } from '@hearth/runtime'
import { parseTelling, tellingOf, type SeenIn, type Telling } from './presence-telling.ts'
import { processMs, type PresenceRecord } from './presence-record.ts'

export interface PresenceAttendanceDeps {
  readonly bus: Bus
  readonly clock: Clock
  /** What this process is called here. */
  readonly self: string
  /** Those whose devices follow on this process. */
  readonly attending: () => readonly PresenceRecord[]
  readonly seenIn: (userNid: number) => SeenIn | undefined
  /** Takes the word of another process, which has come to a serial with the user. */
  readonly hear: (telling: Telling, serial: number) => void
}

/** Changes that are closer together than this are told together. */
const gatherMs = 100
const usersPerMessage = 50
const topic = 'presence-here'
const wantedTopic = 'presence-wanted'

/**
 * Tells the other processes whose devices follow their accounts on this one. What they hear is no news to anybody, but keeps
 * each of them from taking a user for gone whose devices have gone from one process to another.
 */
export class PresenceAttendance {
  readonly #deps: PresenceAttendanceDeps
  /** What the others were told. */
  readonly #told = new Map<number, string>()
  readonly #changed = new Map<number, PresenceRecord>()
  #timer: Timer | undefined
  #repeatTimer: Timer | undefined

  constructor(deps: PresenceAttendanceDeps) {
    this.#deps = deps
    if (!deps.bus.isShared) return
    deps.bus.onHint(topic, (message) => this.#take(message))
    deps.bus.onHint(wantedTopic, () => this.#tellAll())
    deps.bus.onGap(() => {
      deps.bus.publish(wantedTopic, {})
      this.#tellAll()
    })
    this.#repeatLater()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#repeatTimer?.cancel()
  }

  /** Looks whether a user has come to this process or gone. */
  note(record: PresenceRecord): void {
    if (!this.#deps.bus.isShared || record.here === this.#told.get(record.userNid)) return
    this.#changed.set(record.userNid, record)
    this.#timer ??= this.#deps.clock.setTimer(gatherMs, () => {
      this.#timer = undefined
      this.#tell([...this.#changed.values()])
      this.#changed.clear()
    })
  }

  #repeatLater(): void {
    this.#repeatTimer = this.#deps.clock.setTimer(processMs / 3, () => {
      this.#tellAll()
      this.#repeatLater()
    })
  }

  #tellAll(): void {
    this.#tell(this.#deps.attending())
  }

  #tell(records: readonly PresenceRecord[]): void {
    const { bus, self: by, seenIn } = this.#deps
    for (const { userNid, here } of records) {
      if (here === undefined) this.#told.delete(userNid)
      else this.#told.set(userNid, here)
    }
    for (let start = 0; start < records.length; start += usersPerMessage) {
      const users = records.slice(start, start + usersPerMessage).map((record) => ({
        ...tellingOf(record, { by, isNews: false, seenIn: seenIn(record.userNid) }),
        serial: record.serial,
      }))
      bus.publish(topic, { users })
    }
  }

  #take({ users }: JsonObject): void {
    if (!Array.isArray(users)) return
    for (const user of users) {
      const telling = isJsonObject(user) ? parseTelling(user) : undefined
      const serial = isJsonObject(user) ? user['serial'] : undefined
      if (telling && typeof serial === 'number') this.#deps.hear(telling, serial)
    }
  }
}
