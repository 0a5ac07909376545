import { isEventId, isJsonObject, isStorableText, type EventId } from '@hearth/protocol'
import type { EventDraft } from './pdu.ts'

/** How an event relates to another one of its room. */
export interface Relation {
  readonly parentId: EventId
  readonly relType: string
  /** What an annotation says. */
  readonly key?: string
}

const maxRelTypeBytes = 255

/**
 * The relation that an event describes; undefined where it describes none that its type of relation can be. Whether the
 * parent is one that it can relate to, its own content does not tell.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events}
 */
export function relationOf({ type, state_key: stateKey, content }: RelatingEvent): Relation | undefined {
  const relatesTo = content['m.relates_to']
  if (!isJsonObject(relatesTo)) return undefined
  const { rel_type: relType, event_id: parentId, key } = relatesTo
  if (typeof relType !== 'string' || !isRelType(relType)) return undefined
  if (typeof parentId !== 'string' || !isEventId(parentId)) return undefined
  if (relType === 'm.annotation') return typeof key === 'string' ? { parentId, relType, key } : undefined
  const isState = stateKey !== undefined
  if (relType === 'm.thread' && isState) return undefined
  // What an encrypted replacement puts in its place is encrypted too.
  const replaces = type === 'm.room.encrypted' || isJsonObject(content['m.new_content'])
  if (relType === 'm.replace' && (isState || !replaces)) return undefined
  return { parentId, relType }
}

type RelatingEvent = Pick<EventDraft, 'type' | 'state_key' | 'content'>

function isRelType(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= maxRelTypeBytes && isStorableText(text)
}
