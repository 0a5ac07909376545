import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'

/** A part of the process that is started and stopped. */
export interface Component {
  readonly name: string
  start?(): Promise<void> | void
  /** Stops it. `leftMs` says how many milliseconds everything that is still to be stopped may take together. */
  stop?(leftMs: number): Promise<void> | void
  /** How long starting may take, in milliseconds; 60 s when absent. */
  readonly startTimeoutMs?: number
  /** How long stopping may take, in milliseconds, as long as that much is left; 1 s when absent. */
  readonly stopTimeoutMs?: number
}

const DEFAULT_START_TIMEOUT_MS = 60_000
const DEFAULT_STOP_TIMEOUT_MS = 1_000
const DEFAULT_STOP_WITHIN_MS = 9_500

export interface LifecycleDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** How long stopping everything may take, in milliseconds; 9.5 s when absent. */
  readonly stopWithinMs?: number
}

/** Starts components in the order they were added and stops those that were started in reverse. */
export class Lifecycle {
  readonly #deps: LifecycleDeps
  readonly #components: Component[] = []
  readonly #started: Component[] = []
  #stopping: Promise<void> | undefined

  constructor(deps: LifecycleDeps) {
    this.#deps = deps
  }

  /** Takes over a component that runs already: it is stopped after all that are started later. */
  adopt(component: Pick<Component, 'name' | 'stop' | 'stopTimeoutMs'>): void {
    this.#started.push(component)
  }

  /** Adds a component to be started after those added before it. */
  add(component: Component): void {
    this.#components.push(component)
  }

  /** Starts everything. When one component fails, those before it are stopped again and its error is thrown. */
  async start(): Promise<void> {
    for (const component of this.#components) {
      if (this.#stopping !== undefined) throw new Error('stopped while starting')
      // Counted as started before it is: what failed half-way may have something to stop.
      this.#started.push(component)
      try {
        const limitMs = component.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS
        await this.#within(limitMs, component, 'start', () => component.start?.())
      } catch (error) {
        await this.stop()
        throw error
      }
    }
  }

  /**
   * Stops what was started, last first. A component that fails or takes longer than its limit is logged and left behind,
   * because those below it still have to be stopped. Stopping twice waits for the first.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  async #stopAll(): Promise<void> {
    const { clock, logger, stopWithinMs = DEFAULT_STOP_WITHIN_MS } = this.#deps
    const end = clock.monotonic() + stopWithinMs
    for (let component = this.#started.pop(); component !== undefined; component = this.#started.pop()) {
      try {
        const leftMs = Math.max(0, end - clock.monotonic())
        const limitMs = Math.min(component.stopTimeoutMs ?? DEFAULT_STOP_TIMEOUT_MS, leftMs)
        await this.#within(limitMs, component, 'stop', () => component.stop?.(leftMs))
      } catch (error) {
        logger.error('a component did not stop cleanly', { component: component.name, error })
      }
    }
  }

  async #within(
    limitMs: number,
    { name }: Component,
    step: 'start' | 'stop',
    work: () => Promise<void> | void,
  ): Promise<void> {
    const { clock } = this.#deps
    const done = new AbortController()
    const limit = clock.sleep(limitMs, done.signal).then(
      () => {
        throw new Error(`${name} took more than ${Math.round(limitMs)} ms to ${step}`)
      },
      () => undefined,
    )
    try {
      await Promise.race([Promise.resolve(work()), limit])
    } finally {
      done.abort()
    }
  }
}
