import type { Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { DeviceInbox } from './device-inbox.ts'
import type { SyncView } from './sync-view.ts'
import type { UserStream } from './user-stream.ts'

/** Messages for a device. */
export interface MessagesForDevice {
  /** Each as JSON. */
  readonly events: readonly string[]
  /** Up to where these are all; after it come those of the next answer. */
  readonly upTo: number
}

/** What one answer holds. */
const maxMessages = 100
const maxBytes = 1024 * 1024

/** Up to where a client shows that it has what was sent to its device; nowhere for a position that never was. */
export function givenUpTo({ since, known }: Pick<SyncView, 'since' | 'known'>): number {
  return since === undefined || known === undefined ? 0 : Math.min(known.toDevice, since)
}

/**
 * What was sent to devices, as they sync: each gets its messages until it shows with a token that it has them.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#extensions-to-sync}
 */
export class ToDeviceMessages {
  readonly #store: Pick<Store, 'toDevice' | 'users'>

  constructor(deps: { store: Pick<Store, 'toDevice' | 'users'> }) {
    this.#store = deps.store
  }

  /** Deletes the messages that a device has. */
  async acknowledge({ deviceNid }: Requester, user: UserStream, upTo: number): Promise<void> {
    const inbox = await this.#inbox(user, deviceNid)
    if (!inbox.mayHoldUpTo(upTo)) return
    await this.#store.toDevice.deleteUpTo(deviceNid, upTo)
    inbox.clearUpTo(upTo)
  }

  /** The next messages of the device that asks. */
  async next(view: SyncView, user: UserStream): Promise<MessagesForDevice> {
    const { requester, position: upTo } = view
    const inbox = await this.#inbox(user, requester.deviceNid)
    const after = givenUpTo(view)
    if (!inbox.mayHoldAfter(after)) return { events: [], upTo }
    const range = { after, upTo, limit: maxMessages, bytes: maxBytes }
    const rows = await this.#store.toDevice.list(requester.deviceNid, range)
    const senders = await this.#store.users.keysOf([...new Set(rows.map(({ senderNid }) => senderNid))])
    const events = rows.map(({ senderNid, type, content }) => {
      const sender = JSON.stringify(senders.get(senderNid))
      return `{"type":${JSON.stringify(type)},"sender":${sender},"content":${content}}`
    })
    const last = rows.at(-1)?.pos ?? after
    const bytes = rows.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0)
    if (rows.length >= maxMessages || bytes >= maxBytes) return { events, upTo: last }
    inbox.endAt(last, upTo)
    return { events, upTo }
  }

  async #inbox(user: UserStream, deviceNid: number): Promise<DeviceInbox> {
    const inbox = user.inboxOf(deviceNid)
    // What is sent meanwhile, the stream tells.
    if (!inbox.isLoaded) inbox.load(await this.#store.toDevice.bounds(deviceNid))
    return inbox
  }
}
