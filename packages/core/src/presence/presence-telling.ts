import { isUserId, type JsonObject, type JsonValue, type UserId } from '@hearth/protocol'
import type { HeardState, PresenceRecord } from './presence-record.ts'
import type { ChosenPresence, PresenceState } from './presence-state.ts'

/** Where a user is seen. */
export interface SeenIn {
  readonly roomNids: readonly number[]
  readonly observerNids: readonly number[]
}

/** What one process says to all of a user's presence. */
export interface Telling {
  readonly userNid: number
  readonly userId: UserId
  /** Which process says it. */
  readonly by: string
  readonly state: ChosenPresence
  readonly choice: ChosenPresence | undefined
  readonly statusMsg: string | undefined
  readonly activeAgoMs: number | undefined
  /** Whether the user's devices follow on that process. */
  readonly here: 'active' | 'idle' | undefined
  readonly isNews: boolean
  /** Whether it is worth telling though the state is the same. */
  readonly isForced: boolean
  /** What the user's server has said, for a user of another one. */
  readonly heard: HeardState | undefined
  readonly seenIn: SeenIn | undefined
}

/** Rooms that are named with a user; in more nobody is looked for. */
const maxRooms = 5_000
const maxObservers = 50

/** A user's presence as a message. */
export function tellingOf(
  record: PresenceRecord,
  how: {
    readonly by: string
    readonly isNews: boolean
    readonly isForced?: boolean
    readonly heard?: HeardState | undefined
    readonly seenIn: SeenIn | undefined
  },
): JsonObject {
  const { userNid, userId, state, choice, statusMsg, activeAgo, here } = record
  const { by, isNews, isForced = false, heard, seenIn } = how
  return {
    nid: userNid,
    user: userId,
    by,
    state,
    news: isNews,
    forced: isForced,
    ...(choice !== undefined && { choice }),
    ...(statusMsg !== undefined && { message: statusMsg }),
    ...(activeAgo !== undefined && { active: activeAgo }),
    ...(here !== undefined && { here }),
    ...(heard && { heard: { ...heard } }),
    ...(seenIn && {
      rooms: seenIn.roomNids.slice(0, maxRooms),
      observers: seenIn.observerNids.slice(0, maxObservers),
    }),
  }
}

/** The other way; undefined for what is none. */
export function parseTelling(message: JsonObject): Telling | undefined {
  const {
    nid,
    user,
    by,
    state,
    choice,
    message: statusMsg,
    active,
    here,
    news,
    forced,
    heard,
    rooms,
    observers,
  } = message
  if (typeof nid !== 'number' || typeof by !== 'string' || !isPresence(state)) return undefined
  if (typeof user !== 'string' || !isUserId(user)) return undefined
  return {
    userNid: nid,
    userId: user,
    by,
    state,
    choice: isPresence(choice) ? choice : undefined,
    statusMsg: typeof statusMsg === 'string' ? statusMsg : undefined,
    activeAgoMs: typeof active === 'number' ? active : undefined,
    here: here === 'active' || here === 'idle' ? here : undefined,
    isNews: news === true,
    isForced: forced === true,
    heard: heardOf(heard),
    seenIn: Array.isArray(rooms) ? { roomNids: numbers(rooms), observerNids: numbers(observers) } : undefined,
  }
}

const states: ReadonlySet<unknown> = new Set(['online', 'unavailable', 'offline', 'free_for_chat', 'hidden'])

function isPresence(value: unknown): value is ChosenPresence {
  return states.has(value)
}

function heardOf(value: JsonValue | undefined): HeardState | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { state, statusMsg, activeAgoMs } = value
  if (state !== 'online' && state !== 'unavailable' && state !== 'offline') return undefined
  return {
    state: state satisfies PresenceState,
    ...(typeof statusMsg === 'string' && { statusMsg }),
    ...(typeof activeAgoMs === 'number' && { activeAgoMs }),
  }
}

function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'number') : []
}
