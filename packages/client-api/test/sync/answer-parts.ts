import type { JsonObject } from '@hearth/protocol'
import type { SyncAnswer, SyncedEvent, SyncedRoom } from '@hearth/test-kit'

/** The parameter of a sync that gives this filter. */
export function withFilter(filter: JsonObject): { filter: string } {
  return { filter: JSON.stringify(filter) }
}

export function joinedRoom(answer: SyncAnswer, roomId: string): SyncedRoom | undefined {
  return answer.rooms?.join?.[roomId]
}

export function leftRoom(answer: SyncAnswer, roomId: string): SyncedRoom | undefined {
  return answer.rooms?.leave?.[roomId]
}

/** What events say: the body of messages, the membership of member events, the type of all others. */
export function gist(events: readonly SyncedEvent[] | undefined): string[] {
  return (events ?? []).map(({ type, content }) => (content['body'] ?? content['membership'] ?? type) as string)
}

/** The `type|key` of state events, sorted. */
export function keysOf(events: readonly SyncedEvent[] | undefined): string[] {
  return (events ?? []).map(({ type, state_key: key }) => `${type}|${key}`).sort()
}
