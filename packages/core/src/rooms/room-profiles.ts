import { isRoomAlias, type JsonObject, type JsonValue, type RoomId } from '@hearth/protocol'
import { EMPTY_STATE_KEY, wellKnownTypes, type Tables } from '@hearth/store'
import { allowedRooms } from './restricted-joins.ts'

const shownTypes = [
  'm.room.create',
  'm.room.join_rules',
  'm.room.history_visibility',
  'm.room.guest_access',
  'm.room.name',
  'm.room.topic',
  'm.room.avatar',
  'm.room.canonical_alias',
  'm.room.encryption',
] as const

type ShownType = (typeof shownTypes)[number]

/** How much of a name and of a topic is shown to those who look for rooms, in UTF-16 units: lists have many of them. */
const maxNameLength = 500
const maxTopicLength = 2_000
/** Longer texts of other kinds are no such thing. */
const maxTextLength = 1_000

/** What a room says of itself to those who are not in it. */
export interface RoomProfile {
  readonly worldReadable: boolean
  readonly guestCanJoin: boolean
  readonly joinRule: string | null
  /** The rooms whose members may join, where the join rule is about that. */
  readonly allowedRoomIds: readonly RoomId[]
  readonly name: string | null
  readonly topic: string | null
  readonly avatarUrl: string | null
  readonly canonicalAlias: string | null
  readonly roomType: string | null
  readonly encryption: string | null
}

/** The profiles of rooms as their current state has them; rooms without a state are left out. */
export async function readRoomProfiles(
  roomNids: readonly number[],
  tables: Pick<Tables, 'currentState' | 'events'>,
): Promise<Map<number, RoomProfile>> {
  const types = shownTypes.map((type) => wellKnownTypes[type])
  const rows = (await tables.currentState.listByTypes(roomNids, types)).filter(
    ({ stateKeyNid }) => stateKeyNid === EMPTY_STATE_KEY,
  )
  const events = await tables.events.findByNids(rows.map(({ nid }) => nid))
  const contents = new Map(events.map(({ nid, json }) => [nid, (JSON.parse(json) as { content: JsonObject }).content]))
  const states = new Map<number, Map<number, JsonObject>>()
  for (const { roomNid, typeNid, nid } of rows) {
    const state = states.get(roomNid) ?? new Map<number, JsonObject>()
    states.set(roomNid, state.set(typeNid, contents.get(nid) ?? {}))
  }
  return new Map([...states].map(([roomNid, state]) => [roomNid, profileOf(state)]))
}

function profileOf(state: ReadonlyMap<number, JsonObject>): RoomProfile {
  const content = (type: ShownType): JsonObject => state.get(wellKnownTypes[type]) ?? {}
  const joinRule = shortText(content('m.room.join_rules')['join_rule'])
  const isByCondition = joinRule === 'restricted' || joinRule === 'knock_restricted'
  const alias = shortText(content('m.room.canonical_alias')['alias'])
  return {
    worldReadable: content('m.room.history_visibility')['history_visibility'] === 'world_readable',
    guestCanJoin: content('m.room.guest_access')['guest_access'] === 'can_join',
    joinRule,
    allowedRoomIds: isByCondition ? [...allowedRooms(content('m.room.join_rules'))] : [],
    name: text(content('m.room.name')['name'], maxNameLength),
    topic: text(content('m.room.topic')['topic'], maxTopicLength),
    avatarUrl: shortText(content('m.room.avatar')['url']),
    canonicalAlias: alias !== null && isRoomAlias(alias) ? alias : null,
    roomType: shortText(content('m.room.create')['type']),
    encryption: shortText(content('m.room.encryption')['algorithm']),
  }
}

function shortText(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value.length <= maxTextLength ? text(value, maxTextLength) : null
}

/** Content is what users wrote: anything may stand where a text should, and no text of theirs may hold a NUL here. */
function text(value: JsonValue | undefined, maxLength: number): string | null {
  if (typeof value !== 'string') return null
  // What is cut in the middle of a pair of surrogates could not be stored.
  const cut = value.length > maxLength ? value.slice(0, maxLength).toWellFormed() : value
  return cut.replaceAll('\0', '') || null
}
