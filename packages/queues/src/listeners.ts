import type { JsonObject } from '@hearth/protocol'
import type { Logger } from '@hearth/runtime'
import type { HintListener, OrderedListener } from './bus.ts'

/** Who listens to a bus in one process. One listener's fault is no other's. */
export class BusListeners {
  readonly #logger: Logger
  readonly #hints = new Map<string, HintListener[]>()
  readonly #ordered = new Map<string, OrderedListener[]>()
  readonly #gaps: (() => void)[] = []

  constructor(logger: Logger) {
    this.#logger = logger
  }

  onHint(topic: string, listener: HintListener): void {
    this.#hints.set(topic, [...(this.#hints.get(topic) ?? []), listener])
  }

  onOrdered(topic: string, listener: OrderedListener): void {
    this.#ordered.set(topic, [...(this.#ordered.get(topic) ?? []), listener])
  }

  onGap(listener: () => void): void {
    this.#gaps.push(listener)
  }

  hint(topic: string, message: JsonObject): void {
    for (const listener of this.#hints.get(topic) ?? []) this.#call(topic, () => listener(message))
  }

  ordered(topic: string, message: JsonObject, serial: number): void {
    for (const listener of this.#ordered.get(topic) ?? []) this.#call(topic, () => listener(message, serial))
  }

  gap(): void {
    for (const listener of this.#gaps) this.#call('gap', listener)
  }

  #call(topic: string, listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#logger.error('a listener of the bus failed', { error, topic })
    }
  }
}
