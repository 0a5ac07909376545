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
  #beating: Promise<void> | undefined

  constructor(deps: ThisProcessDeps) {
    this.#deps = deps
    deps.bus.onHint(leftTopic, () => this.#tellFreed())
  }

  /** Under which it holds what it holds. Another one once it was taken for dead. */
  get id(): string {
    return this.#id
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

  #enter(): Promise<void> {
    const { store, clock, roles, alone } = this.#deps
    return store.processes.enter(this.#id, { now: clock.now(), roles, alone })
  }

  async #beat(): Promise<void> {
    const { clock, logger } = this.#deps
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await clock.sleep(beatMs, signal)
        await this.#show()
      } catch (error) {
        this.#beats = 0
        if (!signal.aborted) logger.warn('this process could not show that it is there', { error })
      }
    }
  }

  async #show(): Promise<void> {
    const { store, logger } = this.#deps
    this.#beats += 1
    const mayJudge = this.#beats > beatsBeforeJudging
    const { isThere, dead } = await store.processes.beat(this.#id, mayJudge ? deadAfterMs : undefined)
    if (dead.length > 0) {
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
