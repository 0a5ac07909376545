import type { ToDevice, ToDeviceEntry } from '../tables/to-device.ts'
import type { StreamSource } from './streams.ts'

/** A message to a device that has not taken it yet. */
export interface ToDeviceStreamChange extends ToDeviceEntry {
  readonly kind: 'to-device'
}

/** The part of the stream that messages to devices make. */
export class ToDeviceStream implements StreamSource<ToDeviceStreamChange> {
  readonly kind = 'to-device'
  readonly #toDevice: ToDevice

  constructor(toDevice: ToDevice) {
    this.#toDevice = toDevice
  }

  async list(after: number, upTo: number, limit: number): Promise<ToDeviceStreamChange[]> {
    const entries = await this.#toDevice.listByPosition(after, upTo, limit)
    return entries.map((entry) => ({ kind: 'to-device', ...entry }))
  }
}
