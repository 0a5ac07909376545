import { badJson, isJsonObject, MatrixError, type JsonObject, type UserId } from '@hearth/protocol'
import { relationOf, type Relation } from '@hearth/rooms'
import type { Store } from '@hearth/store'
import type { Room } from '../rooms/room.ts'
import type { RoomDraft } from '../rooms/send/room-draft.ts'

/** What a user is about to send, as far as it matters to relations. */
export interface RelatingMessage {
  readonly room: Room
  readonly sender: UserId
  readonly senderNid: number
  readonly type: string
  readonly content: JsonObject
}

const maxKeyLength = 500

/**
 * What the server asks of events that relate to others, before one of its users sends them. It takes one look at the
 * database.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events}
 */
export class RelationRules {
  readonly #store: Pick<Store, 'relations' | 'eventTypes'>

  constructor(deps: { store: Pick<Store, 'relations' | 'eventTypes'> }) {
    this.#store = deps.store
  }

  /**
   * Checks a message that is about to follow a draft, so that of two annotations at once only one is sent.
   *
   * @throws MatrixError M_BAD_JSON for an annotation that says nothing, M_DUPLICATE_ANNOTATION for one that its sender has
   *   made before, M_UNKNOWN (400) for a parent that the room does not have and for a thread that would start from an event
   *   that relates to another.
   */
  async check(message: RelatingMessage, draft: RoomDraft): Promise<void> {
    const relation = relationIn(message)
    if (!relation) return
    const { room, senderNid, type } = message
    const { parentId, relType, key } = relation
    const annotation = key === undefined ? undefined : { senderNid, typeNid: await this.#typeNid(type), key }
    const target = await this.#store.relations.findTarget(parentId, annotation)
    if (target?.roomNid !== room.nid) throw unrelatable('There is no such event in the room to relate to')
    if (relType === 'm.thread' && target.relType !== null) {
      throw unrelatable('A thread cannot start from an event that relates to another')
    }
    if (target.isAnnotated || (annotation && isDrafted(message, relation, draft))) {
      throw new MatrixError('M_DUPLICATE_ANNOTATION', 'You have annotated this event with the same before')
    }
  }

  async #typeNid(type: string): Promise<number> {
    const { eventTypes } = this.#store
    return eventTypes.peek(type) ?? (await eventTypes.intern(type))
  }
}

/** Whether content says that it relates to another event, rightly or not. */
export function relates(content: JsonObject): boolean {
  return content['m.relates_to'] !== undefined
}

function isDrafted({ sender, type }: RelatingMessage, { parentId, key }: Relation, { drafted }: RoomDraft): boolean {
  return drafted.some(({ event: { pdu } }) => {
    if (pdu.sender !== sender || pdu.type !== type) return false
    const other = relationOf(pdu)
    return other?.relType === 'm.annotation' && other.parentId === parentId && other.key === key
  })
}

function relationIn({ type, content }: RelatingMessage): Relation | undefined {
  const relation = relationOf({ type, content })
  const relatesTo = content['m.relates_to']
  if (isJsonObject(relatesTo) && relatesTo['rel_type'] === 'm.annotation') {
    const { key } = relatesTo
    if (typeof key !== 'string' || key === '') throw badJson('An annotation without a key says nothing')
    if (key.length > maxKeyLength) throw badJson(`The key of an annotation has at most ${maxKeyLength} characters`)
  }
  return relation
}

// The specification has no errcode for these.
function unrelatable(message: string): MatrixError {
  return new MatrixError('M_UNKNOWN', message, { status: 400 })
}
