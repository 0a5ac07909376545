import { isJsonObject, type JsonObject, type JsonValue } from '@hearth/protocol'
import type { RoomVersion } from '../room-versions.ts'
import { readPowerLevel } from './power-level.ts'

/** The levels that stand at the top of `m.room.power_levels`. */
export type LevelName = 'users_default' | 'events_default' | 'state_default' | 'ban' | 'redact' | 'kick' | 'invite'

/** What each level is where the event, or the room, does not say. */
export const levelDefaults: Readonly<Record<LevelName, number>> = {
  users_default: 0,
  events_default: 0,
  state_default: 50,
  ban: 50,
  redact: 50,
  kick: 50,
  invite: 0,
}

/** The power of a room's creator before room version 12, while the room has no `m.room.power_levels`. */
const creatorLevel = 100

/**
 * The power levels in force: what each user has and what each action takes. Levels are read when they are asked for,
 * so that looking at a large event costs nothing.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels}
 */
export class PowerLevels {
  readonly #version: RoomVersion
  /** `undefined` while the room has no `m.room.power_levels`. */
  readonly #content: JsonObject | undefined
  readonly #creators: readonly string[]

  constructor(deps: { version: RoomVersion; content: JsonObject | undefined; creators: readonly string[] }) {
    this.#version = deps.version
    this.#content = deps.content
    this.#creators = deps.creators
  }

  /** The user's level; `Infinity` for the creators of a room from version 12 on. */
  of(userId: string): number {
    const isCreator = this.#creators.includes(userId)
    if (isCreator && this.#version.creatorsHaveInfinitePower) return Infinity
    if (this.#content === undefined) return isCreator ? creatorLevel : levelDefaults.users_default
    return this.#entry('users', userId) ?? this.level('users_default')
  }

  /** One of the named levels. */
  level(name: LevelName): number {
    return this.#read(own(this.#content, name)) ?? levelDefaults[name]
  }

  /** The level that sending an event of that type takes, membership events apart. */
  toSend(type: string, kind: 'state' | 'message'): number {
    return this.#entry('events', type) ?? this.level(kind === 'state' ? 'state_default' : 'events_default')
  }

  /** The level that notifying everybody takes, `room` being the key for `@room`. */
  toNotify(key: string): number {
    return this.#entry('notifications', key) ?? 50
  }

  #entry(map: 'users' | 'events' | 'notifications', key: string): number | undefined {
    const entries = own(this.#content, map)
    return isJsonObject(entries) ? this.#read(own(entries, key)) : undefined
  }

  #read(value: JsonValue | undefined): number | undefined {
    return readPowerLevel(this.#version, value)
  }
}

function own(object: JsonObject | undefined, key: string): JsonValue | undefined {
  return object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined
}
