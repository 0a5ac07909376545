import type { JsonObject } from '@hearth/protocol'
import type { RoomEvent, RoomVersion } from '@hearth/rooms'
import type { Store } from '@hearth/store'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import { membershipOf } from '../membership-content.ts'
import type { RoomDraft } from '../send/room-draft.ts'

/** A state event of the replacement, but for who sends it. */
export interface TransferredState {
  readonly type: string
  readonly stateKey: string
  readonly content: JsonObject
}

/** What the state says of who gets in and sees what, where it says nothing: the new room says so itself. */
const implied: readonly TransferredState[] = [
  { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'invite' } },
  { type: 'm.room.guest_access', stateKey: '', content: { guest_access: 'forbidden' } },
  { type: 'm.room.history_visibility', stateKey: '', content: { history_visibility: 'shared' } },
]

/** Power levels go their own way. */
const types = [
  'm.room.join_rules',
  'm.room.guest_access',
  'm.room.history_visibility',
  'm.room.server_acl',
  'm.room.encryption',
  'm.room.name',
  'm.room.topic',
  'm.room.avatar',
  'm.room.canonical_alias',
]

/** Bans that move with a room, the latest first. */
const maxBans = 5_000

/** Reads what of a room's state moves to the room that takes its place. */
export class ReplacementState {
  readonly #store: Store
  readonly #events: RoomEvents

  constructor(deps: { store: Store; events: RoomEvents }) {
    this.#store = deps.store
    this.#events = deps.events
  }

  /**
   * The state that moves: what says how the room looks and who gets in, the rooms of a space, and who is banned.
   * {@link https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-15}
   */
  async of(draft: RoomDraft, version: RoomVersion): Promise<TransferredState[]> {
    const { room } = draft
    const found = await Promise.all(types.map((type) => draft.find(type, '')))
    const create = await draft.find('m.room.create', '')
    const isSpace = create?.pdu.content['type'] === 'm.space'
    const children = isSpace ? await this.#children(room) : []
    const kept = [...found, ...children].flatMap((event) => (event ? [transferred(event, version)] : []))
    const missing = implied.filter(({ type }) => !kept.some((state) => state.type === type))
    return [...missing, ...kept, ...(await this.#bans(room))]
  }

  /** What of the create event moves: the kind of room, and whether other servers may take part. */
  async createContent(draft: RoomDraft): Promise<JsonObject> {
    const create = await draft.find('m.room.create', '')
    const { type, 'm.federate': federate } = create?.pdu.content ?? {}
    return { ...(type !== undefined && { type }), ...(federate !== undefined && { 'm.federate': federate }) }
  }

  async #children({ head: { state } }: Room): Promise<RoomEvent[]> {
    const typeNid = await this.#store.eventTypes.intern('m.space.child')
    const nids = state.nidsOfType(typeNid)
    const events = await this.#events.findByNids(nids)
    // Without servers to go through, a child is none.
    return [...events.values()].filter(({ pdu }) => Array.isArray(pdu.content['via']) && pdu.content['via'].length > 0)
  }

  async #bans(room: Room): Promise<TransferredState[]> {
    const nids = await this.#store.currentState.listMemberNids(room.nid, 'ban')
    const latest = nids.sort((a, b) => b - a).slice(0, maxBans)
    const events = await this.#events.findByNids(latest)
    return [...events.values()]
      .filter((event) => membershipOf(event) === 'ban')
      .map(({ pdu }): TransferredState => {
        const { reason } = pdu.content
        const content = { membership: 'ban', ...(typeof reason === 'string' && { reason }) }
        return { type: 'm.room.member', stateKey: pdu.state_key!, content }
      })
  }
}

function transferred(
  { pdu: { type, state_key: stateKey, content } }: RoomEvent,
  version: RoomVersion,
): TransferredState {
  const moved = type === 'm.room.join_rules' ? joinRules(version, content) : content
  return { type, stateKey: stateKey!, content: moved }
}

/** Join rules that a version knows: a room must not be shut to everybody because it does not know how to let them in. */
function joinRules({ joinRules: known }: RoomVersion, content: JsonObject): JsonObject {
  const { join_rule: rule } = content
  if (typeof rule !== 'string' || rule === 'public') return content
  const rules = [...known.byInvitation, ...known.byAuthorisation, ...known.knockable]
  if (rules.includes(rule)) return content
  const [closest] = rule === 'knock_restricted' ? ['restricted', 'knock'].filter((other) => rules.includes(other)) : []
  return { ...content, join_rule: closest ?? 'invite' }
}
