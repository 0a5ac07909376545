import type { Clock, Logger } from '@hearth/runtime'
import type { DeviceSighting, Store } from '@hearth/store'

/** A device that is in use is written down once in so many milliseconds. */
const PRECISION_MS = 60 * 60_000
const FLUSH_EVERY_MS = 60_000

/**
 * When and from where devices were last used: gathered in memory, written in one statement a minute, and about each device
 * once an hour. A process that dies takes a minute of it along.
 */
export class DeviceActivity {
  readonly #store: Store
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  /** What is to be written. */
  #pending = new Map<number, DeviceSighting>()
  /** When devices were last noted, for those whose row, as it was read, is older. */
  #noted = new Map<number, number>()
  #notedSince: number

  constructor(deps: { readonly store: Store; readonly clock: Clock; readonly logger: Logger }) {
    this.#store = deps.store
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#notedSince = deps.clock.now()
  }

  start(): void {
    void this.#flushInTurn()
  }

  /** Writes what is pending. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.flush()
  }

  /** Notes that a device is in use. Costs two look-ups; almost always nothing else. */
  note(device: { readonly deviceNid: number; readonly lastSeenTs: number }, ip: string): void {
    const now = this.#clock.now()
    if (now - device.lastSeenTs < PRECISION_MS) return
    const noted = this.#noted.get(device.deviceNid)
    if (noted !== undefined && now - noted < PRECISION_MS) return
    this.#noted.set(device.deviceNid, now)
    this.#pending.set(device.deviceNid, { nid: device.deviceNid, ts: now, ip })
  }

  /** Writes what has been noted. */
  async flush(): Promise<void> {
    const sightings = [...this.#pending.values()]
    this.#pending = new Map()
    if (sightings.length > 0) await this.#store.devices.saw(sightings)
    this.#forgetOld()
  }

  /** Keeps the map no larger than the devices of an hour or two. */
  #forgetOld(): void {
    const now = this.#clock.now()
    if (now - this.#notedSince < PRECISION_MS) return
    this.#notedSince = now
    for (const [nid, ts] of this.#noted) if (now - ts >= PRECISION_MS) this.#noted.delete(nid)
  }

  async #flushInTurn(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#clock.sleep(FLUSH_EVERY_MS, signal)
        await this.flush()
      } catch (error) {
        if (!signal.aborted) this.#logger.warn('could not write down which devices are in use', { error })
      }
    }
  }
}
