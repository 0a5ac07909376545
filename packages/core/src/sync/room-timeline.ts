import type { RoomEvent } from '@hearth/rooms'
import type { ClientEvent } from '../events/client-event.ts'

/** An event of a room's timeline, ready to be given to clients. */
export interface TimelineEntry {
  readonly pos: number
  readonly nid: number
  /** The ids of the room's state after the event and, where it is known without asking, before it. */
  readonly stateNid: number
  readonly stateBeforeNid: number | undefined
  /** The id of the room's current state after the event, where it did not simply follow on the room's head. */
  readonly currentStateNid?: number | undefined
  /** Whether the timeline has a gap before the event. */
  readonly isAfterGap?: boolean | undefined
  readonly event: RoomEvent
  readonly client: ClientEvent
  /** The device that sent it, and how that device named the request. */
  readonly transaction?: { readonly deviceNid: number; readonly txnId: string } | undefined
}

/** The newest events of a room that somebody is syncing, without holes from {@link completeFrom} on. */
export class RoomTimeline {
  readonly #maxEntries: number
  readonly #entries: TimelineEntry[] = []
  #completeFrom: number
  #weight = 0
  #version = 0

  constructor(options: { completeFrom: number; maxEntries: number }) {
    this.#completeFrom = options.completeFrom
    this.#maxEntries = options.maxEntries
  }

  /** Every event of the room after this position is here. */
  get completeFrom(): number {
    return this.#completeFrom
  }

  /** Bytes held, about. */
  get weight(): number {
    return this.#weight
  }

  /** Another one whenever an event was given another form. */
  get version(): number {
    return this.#version
  }

  push(entry: TimelineEntry): void {
    this.#entries.push(entry)
    this.#weight += entry.client.weight
    // Cut in strides, because cutting the front of an array costs its length.
    if (this.#entries.length >= 2 * this.#maxEntries) this.#dropOldest(this.#entries.length - this.#maxEntries)
  }

  /** Puts other forms in the place of events: `replace` gives the new form, or undefined for an event that stays. */
  update(replace: (entry: TimelineEntry) => Pick<TimelineEntry, 'event' | 'client'> | undefined): void {
    this.#entries.forEach((entry, index) => {
      const form = replace(entry)
      if (!form) return
      this.#weight += form.client.weight - entry.client.weight
      this.#entries[index] = { ...entry, ...form }
      this.#version += 1
    })
  }

  /** The events that are here after one position up to another, oldest first. */
  between(after: number, upTo: number): readonly TimelineEntry[] {
    return this.#entries.slice(this.#firstAfter(after), this.#firstAfter(upTo))
  }

  /** The id of the room's state after everything up to a position; undefined where that is not known here. */
  stateNidAt(position: number): number | undefined {
    if (position < this.#completeFrom) return undefined
    const next = this.#firstAfter(position)
    const last = this.#entries[next - 1]
    if (last) return last.currentStateNid ?? last.stateNid
    const following = this.#entries[next]
    return following?.currentStateNid === undefined ? following?.stateBeforeNid : undefined
  }

  clear(): void {
    this.#dropOldest(this.#entries.length)
  }

  #dropOldest(count: number): void {
    for (const entry of this.#entries.splice(0, count)) {
      this.#weight -= entry.client.weight
      this.#completeFrom = entry.pos
    }
  }

  #firstAfter(position: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#entries[middle]!.pos <= position) low = middle + 1
      else high = middle
    }
    return low
  }
}
