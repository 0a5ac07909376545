import type { JsonObject } from '@hearth/protocol'
import type { Clock, Logger } from '@hearth/runtime'
import type { Bus, HintListener, OrderedListener } from './bus.ts'
import { BusListeners } from './listeners.ts'

/** What the buses of one process have in common: who is on it, and the last serial. */
export class LocalHub {
  readonly members = new Set<LocalBus>()
  readonly #clock: Pick<Clock, 'now'>
  #last: number

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
    this.#last = clock.now() * 1_000
  }

  get last(): number {
    return this.#last
  }

  /** Microseconds, or one more than the last where that would be no later: those of a restarted process come after all before it. */
  next(): number {
    return (this.#last = Math.max(this.#last + 1, this.#clock.now() * 1_000))
  }
}

/** The bus of a deployment that is one process: there is nobody else to tell, and what is ordered is heard at once. */
export class LocalBus implements Bus {
  readonly start: number
  readonly isConnected = true
  readonly isShared: boolean
  readonly #hub: LocalHub
  readonly #listeners: BusListeners

  constructor({ clock, logger, hub }: { clock: Pick<Clock, 'now'>; logger: Logger; hub?: LocalHub }) {
    this.isShared = hub !== undefined
    this.#hub = hub ?? new LocalHub(clock)
    this.#hub.members.add(this)
    this.#listeners = new BusListeners(logger)
    this.start = this.#hub.last
  }

  get last(): number {
    return this.#hub.last
  }

  publish(topic: string, message: JsonObject): void {
    for (const member of this.#hub.members) if (member !== this) member.#listeners.hint(topic, message)
  }

  order(topic: string, message: JsonObject): void {
    const serial = this.#hub.next()
    for (const member of this.#hub.members) member.#listeners.ordered(topic, message, serial)
  }

  onHint(topic: string, listener: HintListener): void {
    this.#listeners.onHint(topic, listener)
  }

  onOrdered(topic: string, listener: OrderedListener): void {
    this.#listeners.onOrdered(topic, listener)
  }

  onGap(listener: () => void): void {
    this.#listeners.onGap(listener)
  }

  async begin(): Promise<void> {
    this.#listeners.gap()
  }

  async end(): Promise<void> {
    this.#hub.members.delete(this)
  }
}
