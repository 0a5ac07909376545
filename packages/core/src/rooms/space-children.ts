import { isJsonObject, isRoomId, type JsonObject, type JsonValue, type RoomId } from '@hearth/protocol'
import { TimeSlice, type Clock } from '@hearth/runtime'
import { wellKnownTypes, type Store } from '@hearth/store'

/** A room that a space names as its child. */
export interface SpaceChild {
  readonly roomId: RoomId
  readonly content: JsonObject
  readonly sender: string
  readonly originServerTs: number
  /** Bytes of its event, about. */
  readonly bytes: number
}

/** How many children of a space are looked at: those that were set last. */
const maxChildren = 1_000
/** A child is named in a hundred bytes; an event of more than this names none. */
const maxEventBytes = 4_096
const maxBytes = 512 * 1024
const validOrder = /^[\x20-\x7e]{1,50}$/

/** Reads what a space consists of. {@link https://spec.matrix.org/v1.19/client-server-api/#managing-roomsspaces-included-in-a-space} */
export class SpaceChildren {
  readonly #store: Store
  readonly #clock: Clock

  constructor(deps: { store: Store; clock: Clock }) {
    this.#store = deps.store
    this.#clock = deps.clock
  }

  /** A space's children, in their order, as many of them as can be shown at once. */
  async of(roomNid: number, { suggestedOnly }: { suggestedOnly: boolean }): Promise<SpaceChild[]> {
    const bounds = { limit: maxChildren, maxBytes: maxEventBytes }
    const events = await this.#store.currentState.listJson(roomNid, wellKnownTypes['m.space.child'], bounds)
    const slice = new TimeSlice(this.#clock)
    const children: SpaceChild[] = []
    for (const json of events) {
      if (slice.isOver) await slice.rest()
      const child = childOf(JSON.parse(json) as JsonObject, json.length)
      if (child && (!suggestedOnly || isSuggested(child))) children.push(child)
    }
    return inOrderUpToSize(children)
  }
}

/** The children of a space by the stripped state that another server gives, as many of them as can be shown at once. */
export function readSpaceChildren(stripped: JsonValue | undefined): SpaceChild[] {
  const children = new Map<RoomId, SpaceChild>()
  for (const event of Array.isArray(stripped) ? stripped.slice(0, maxChildren) : []) {
    if (!isJsonObject(event) || event['type'] !== 'm.space.child') continue
    const bytes = JSON.stringify(event).length
    const child = bytes <= maxEventBytes ? childOf(event, bytes) : undefined
    if (child) children.set(child.roomId, child)
  }
  return inOrderUpToSize([...children.values()])
}

/** Whether those who look at a space are to be shown this child first. */
export function isSuggested({ content }: SpaceChild): boolean {
  return content['suggested'] === true
}

function inOrderUpToSize(children: SpaceChild[]): SpaceChild[] {
  children.sort(inOrder)
  let total = 0
  return children.filter(({ bytes }) => (total += bytes) <= maxBytes)
}

function childOf(event: JsonObject, bytes: number): SpaceChild | undefined {
  const { content, sender, state_key: roomId, origin_server_ts: originServerTs } = event
  if (!isJsonObject(content) || typeof roomId !== 'string' || !isRoomId(roomId)) return undefined
  if (typeof sender !== 'string' || typeof originServerTs !== 'number') return undefined
  const { via } = content
  // Without a server to join through, the child has been taken away.
  if (!Array.isArray(via) || via.length === 0 || !via.every((server) => typeof server === 'string')) return undefined
  return { roomId, content, sender, originServerTs, bytes }
}

/** {@link https://spec.matrix.org/v1.19/client-server-api/#ordering-of-children-within-a-space} */
function inOrder(a: SpaceChild, b: SpaceChild): number {
  const [orderA, orderB] = [orderOf(a), orderOf(b)]
  if (orderA !== orderB) {
    if (orderA === undefined) return 1
    if (orderB === undefined) return -1
    return orderA < orderB ? -1 : 1
  }
  if (a.originServerTs !== b.originServerTs) return a.originServerTs - b.originServerTs
  return a.roomId < b.roomId ? -1 : 1
}

function orderOf({ content: { order } }: SpaceChild): string | undefined {
  return typeof order === 'string' && validOrder.test(order) ? order : undefined
}
