import { randomUUID } from 'node:crypto'
import type { Bus } from '@hearth/queues'
import type { Clock, Logger } from '@hearth/runtime'
import type { Store } from '@hearth/store'

export interface ThisProcessDeps {
  readonly store: Pick<Store, 'processes'>
  readonly bus: Bus
  /** What it does, for those who look at the table. */
  readonly roles: readonly string[]
  /** Whether there can be no other process of the deployment. */
  readonly alone: boolean
  readonly clock: Clock
  readonly logger: Logger
}

const beatMs = 1_000
/** A process that has not shown itself for so long is taken for dead. With a beat more, its work moves within 5 s. */
const deadAfterMs = 3_000
/** Whoever was away from the database itself must not take the others for dead: they were as well. */
const beatsBeforeJudging = 4
/** For how long after a look a process believes that there is no other. */
const aloneMs = 2_000
/** One that was taken for dead may only have been slow, and serves on until it notices. */
const doubtMs = 60_000
const untilSeenMs = 50
const leftTopic = 'process-left'

/**
 * This process as the others of its deployment see it: a row that it writes anew each second. Whatever one process does
 * alone hangs on its row, and is free for others when that is gone, within 5 seconds of its death and at once when it stops.
 */
export class ThisProcess {
  readonly #deps: ThisProcessDeps
  readonly #stopping = new AbortController()
  readonly #freed: (() => void)[] = []
  readonly #lost: (() => void)[] = []
  #id = randomUUID() as string
  #beats = 0
  #entered = { at: 0, monotonic: 0 }
  /** The last look at who is there. */
  #seen = { others: 0, monotonic: -Infinity }
  #doubtUntil = -Infinity
  #beating: Promise<void> | undefined

  constructor(deps: ThisProcessDeps) {
    this.#deps = deps
    deps.bus.onHint(leftTopic, () => this.#tellFreed())
  }

  /** Under which it holds what it holds. Another one once it was taken for dead. */
  get id(): string {
    return this.#id
  }

  /** Whether no other process serves the deployment. One that has just come serves nobody before this is known of it. */
  get isAlone(): boolean {
    if (this.#deps.alone) return true
    const now = this.#deps.clock.monotonic()
    return this.#seen.others === 0 && now - this.#seen.monotonic < aloneMs && now > this.#doubtUntil
  }

  /** Calls back when another process has gone: what it held is free. */
  onFreed(listener: () => void): void {
    this.#freed.push(listener)
  }

  /** Calls back when this process was taken for dead, and may hold nothing any more. */
  onLost(listener: () => void): void {
    this.#lost.push(listener)
  }

  async start(): Promise<void> {
    await this.#enter()
    if (!this.#deps.alone) this.#beating = this.#beat()
  }

  /** Waits until all others know that they are not alone any more. */
  async untilSeen(): Promise<void> {
    const { store, clock, alone } = this.#deps
    if (alone) return
    const { at: enteredAt, monotonic } = this.#entered
    while (clock.monotonic() - monotonic < aloneMs) {
      if (!(await store.processes.isUnseen(this.#id, { enteredAt, withinMs: aloneMs }))) return
      await clock.sleep(untilSeenMs, this.#stopping.signal)
    }
  }

  /** Gives back what it still holds. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#beating
    await this.#deps.store.processes.leave(this.#id)
    this.announceFreed()
  }

  /** Says that something is free that this process held. */
  announceFreed(): void {
    this.#deps.bus.publish(leftTopic, {})
  }

  async #enter(): Promise<void> {
    const { store, clock, roles, alone } = this.#deps
    const monotonic = clock.monotonic()
    this.#entered = { at: await store.processes.enter(this.#id, { now: clock.now(), roles, alone }), monotonic }
  }

  async #beat(): Promise<void> {
    const { clock, logger } = this.#deps
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#show()
      } catch (error) {
        this.#beats = 0
        logger.warn('this process could not show that it is there', { error })
      }
      await clock.sleep(beatMs, signal).catch(() => undefined)
    }
  }

  async #show(): Promise<void> {
    const { store, clock, logger } = this.#deps
    const monotonic = clock.monotonic()
    this.#beats += 1
    const mayJudge = this.#beats > beatsBeforeJudging
    const { isThere, dead, others } = await store.processes.beat(this.#id, mayJudge ? deadAfterMs : undefined)
    this.#seen = { others, monotonic }
    if (dead.length > 0) {
      this.#doubtUntil = monotonic + doubtMs
      logger.warn('another process has died; its work is taken over', { processes: dead })
      this.#tellFreed()
    }
    if (isThere) return
    logger.warn('this process was taken for dead; it begins anew with what it shares')
    this.#id = randomUUID()
    await this.#enter()
    for (const listener of this.#lost) listener()
  }

  #tellFreed(): void {
    for (const listener of this.#freed) listener()
  }
}
