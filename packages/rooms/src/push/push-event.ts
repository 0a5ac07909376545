import { isJsonObject, type JsonValue, type RoomId } from '@hearth/protocol'
import type { RoomEvent } from '../events/pdu.ts'

/** What rules may look at besides the content: what clients see of any event. */
const topLevel: ReadonlySet<string> = new Set(['type', 'sender', 'state_key', 'content', 'origin_server_ts', 'redacts'])

const nobody: ReadonlySet<unknown> = new Set()

/** An event as push rules look at it, shared by all for whom it is judged. */
export class PushEvent {
  readonly roomId: RoomId
  readonly sender: string
  /** How many users are joined to the room; undefined while nobody has asked for it. */
  memberCount: number | undefined
  /** Whether the sender may notify everybody in some way, such as `room`; undefined while nobody has asked for it. */
  senderMayNotify: ((key: string) => boolean) | undefined
  readonly #event: RoomEvent
  readonly #lowered = new Map<string, string | undefined>()
  #named: ReadonlySet<unknown> | undefined

  constructor(options: { readonly event: RoomEvent; readonly roomId: RoomId }) {
    this.roomId = options.roomId
    this.sender = options.event.pdu.sender
    this.#event = options.event
  }

  /** The property at a path; undefined where there is none. */
  valueAt([first = '', ...rest]: readonly string[]): JsonValue | undefined {
    if (rest.length === 0 && first === 'room_id') return this.roomId
    if (rest.length === 0 && first === 'event_id') return this.#event.eventId
    if (!topLevel.has(first)) return undefined
    let value: JsonValue | undefined = this.#event.pdu[first]
    for (const name of rest) {
      if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined
      value = value[name]
    }
    return value
  }

  /** A text of the event in lower case; undefined where there is no text. `key` names the path. */
  loweredAt(key: string, path: readonly string[]): string | undefined {
    if (!this.#lowered.has(key)) {
      const value = this.valueAt(path)
      this.#lowered.set(key, typeof value === 'string' ? value.toLowerCase() : undefined)
    }
    return this.#lowered.get(key)
  }

  /** Whether the rules of the server may say something else of the event to this user than to others. */
  isAbout(userId: string): boolean {
    return (this.#named ??= namedIn(this.#event)).has(userId)
  }
}

function namedIn({ pdu }: RoomEvent): ReadonlySet<unknown> {
  const mentions = pdu.content['m.mentions']
  const userIds = isJsonObject(mentions) ? mentions['user_ids'] : undefined
  if (pdu.state_key === undefined && userIds === undefined) return nobody
  return new Set<unknown>([pdu.state_key, ...(Array.isArray(userIds) ? userIds : [])])
}
