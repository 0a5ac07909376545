import type { JsonObject } from '@hearth/protocol'

/** Takes a message. It must not throw. */
export type HintListener = (message: JsonObject) => void

/** Takes a message that has a place in the common order. It must not throw. */
export type OrderedListener = (message: JsonObject, serial: number) => void

/**
 * What the processes of a deployment tell one another. Messages are hints: each of them may be lost, and whoever loses one
 * finds out later by other means. What is worth more is a row in PostgreSQL before it is said here.
 *
 * There are two kinds. `publish` tells the others something, fast and in no particular order. `order` tells everybody, this
 * process included, and gives the message a serial: all processes take these messages in the same order, that of their
 * serials, so that a serial says to any of them how far another one had come.
 */
export interface Bus {
  /** The serial of the first message that this process can have heard: what was before it is not known here. */
  readonly start: number
  /** The serial of the last ordered message that the listeners of this process have been called with. */
  readonly last: number
  /** Whether there can be others. */
  readonly isShared: boolean
  /** Whether messages come through now. */
  readonly isConnected: boolean

  /** Tells the other processes. Returns at once; a message that cannot be sent now is dropped. */
  publish(topic: string, message: JsonObject): void
  /** Tells all processes, in one order. Where the others cannot be reached this process hears it all the same. */
  order(topic: string, message: JsonObject): void
  /** Calls back with what others publish. */
  onHint(topic: string, listener: HintListener): void
  /** Calls back with what anybody orders. */
  onOrdered(topic: string, listener: OrderedListener): void
  /** Calls back when messages may have been missed: after a connection was made, at the first start as well. */
  onGap(listener: () => void): void

  /** Connects. Where that takes too long it goes on in the background, and this process works by itself meanwhile. */
  begin(): Promise<void>
  end(): Promise<void>
}
