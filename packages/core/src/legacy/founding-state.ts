import { badJson, forbidden, isRoomAlias, notFound, serverOf, type JsonObject, type RoomAlias } from '@hearth/protocol'
import { creatorsOf } from '@hearth/rooms'
import type { JsonItems } from '../json-pieces.ts'
import type { Requester } from '../requester.ts'
import type { Aliases } from '../rooms/aliases.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomAccess } from '../rooms/room-access.ts'
import type { RoomState } from '../rooms/room-state.ts'
import type { EventActions, StateRequest } from '../rooms/send-event.ts'
import type { EventSender, Plan } from '../rooms/send/event-sender.ts'
import type { RoomDraft } from '../rooms/send/room-draft.ts'
import type { LegacyState } from './legacy-state.ts'
import { aliasesEventId, type LegacyViews } from './legacy-views.ts'
import { levelChange, requiredLevelChange, type LevelChange } from './level-change.ts'
import { levelEventType } from './level-events.ts'

const powerLevelsType = 'm.room.power_levels'

/**
 * A room's state as the founding API reads and writes it. State that is kept differently today is written to where it is
 * kept, under the rules for that: levels into `m.room.power_levels`, aliases into their table.
 */
export class FoundingState {
  readonly #deps: {
    readonly views: LegacyViews
    readonly roomState: RoomState
    readonly legacyState: LegacyState
    readonly access: RoomAccess
    readonly aliases: Aliases
    readonly eventActions: EventActions
    readonly sender: EventSender
  }

  constructor(deps: {
    views: LegacyViews
    roomState: RoomState
    legacyState: LegacyState
    access: RoomAccess
    aliases: Aliases
    eventActions: EventActions
    sender: EventSender
  }) {
    this.#deps = deps
  }

  /** All state events as JSON, read while it is sent. @throws MatrixError M_FORBIDDEN for those who may not read the room. */
  async list(requester: Requester, room: Room): Promise<JsonItems> {
    const { access, legacyState } = this.#deps
    const { state } = await access.forReading(room, requester.userId)
    return legacyState.items({ room, state }, 'founding')
  }

  /**
   * The content of one state event.
   *
   * @throws MatrixError M_FORBIDDEN for those who may not read the room, M_NOT_FOUND where nothing is set.
   */
  async get(requester: Requester, room: Room, type: string, stateKey: string): Promise<JsonObject> {
    const { views, roomState, access } = this.#deps
    if (views.isOwnAliases(type, stateKey)) {
      await access.forReading(room, requester.userId)
      const event = await views.aliases(room)
      if (!event) throw notFound('The room has no aliases here')
      return event['content'] as JsonObject
    }
    const view = await views.founding(room)
    const levelEvent = stateKey === '' ? levelEventType(type) : undefined
    const event = await roomState.get(requester, room, levelEvent ? powerLevelsType : type, stateKey)
    const shown = levelEvent ? view.levelEvent(levelEvent, event) : view.event(event)
    return shown['content'] as JsonObject
  }

  /**
   * Sets a key of the room's state. A `required_power_level` in it is from then on what changing state of that type takes.
   *
   * @returns the id of the event that was sent.
   * @throws MatrixError M_BAD_JSON for content that this type of event cannot have; M_FORBIDDEN.
   */
  async set(request: StateRequest): Promise<string> {
    const { required_power_level: level, ...content } = request.content
    if (level !== undefined && !Number.isSafeInteger(level)) throw badJson('required_power_level is not an integer')
    const state = { ...request, content }
    if (state.type === 'm.room.aliases') return this.#setAliases(state)
    const { eventActions, sender } = this.#deps
    const change = levelChange(state.type, state.stateKey, content)
    // Who may change a membership is not a matter of one level.
    const isPlain = level === undefined || state.type === 'm.room.member'
    if (!change && isPlain) return (await eventActions.sendState(state)).eventId
    const required = isPlain ? unchanged : requiredLevelChange(change ? powerLevelsType : state.type, level as number)
    const plan = change
      ? (draft: RoomDraft) =>
          this.#planLevels(state, draft, (current, facts) => required(change(current, facts), facts))
      : this.#planBoth(state, required)
    return (await sender.sendOne(state.room, plan)).eventId
  }

  /** A state event, and after it the power levels if they change. */
  #planBoth(state: StateRequest, required: LevelChange): (draft: RoomDraft) => Promise<Plan> {
    const planState = this.#deps.eventActions.planState(state)
    return async (draft) => {
      const event = await planState(draft)
      const levels = await this.#planLevels(state, draft, required)
      if ('existing' in levels) return event
      return 'existing' in event ? levels : [...event, ...levels]
    }
  }

  /** Changes the power levels as they are when the event is sent. */
  async #planLevels(state: StateRequest, draft: RoomDraft, change: LevelChange): Promise<Plan> {
    const { version } = state.room
    const create = await draft.find('m.room.create', '')
    const creators = create ? creatorsOf(version, create) : []
    const current = await draft.find(powerLevelsType, '')
    if (!current) throw forbidden('This room has no power levels')
    const content = change(current.pdu.content, { version, creators })
    if (content === current.pdu.content) return { existing: { eventId: current.eventId, existing: true } }
    return this.#deps.eventActions.planState({ ...state, type: powerLevelsType, stateKey: '', content })(draft)
  }

  /** Makes and deletes aliases until the room has those that are listed. */
  async #setAliases({ requester, room, stateKey, content }: StateRequest): Promise<string> {
    const { views, aliases } = this.#deps
    if (!views.isOwnAliases('m.room.aliases', stateKey)) throw forbidden('Every server lists its own aliases')
    const wanted = listedAliases(content, stateKey)
    const current = await aliases.list(requester, room)
    const added = without(wanted, current)
    for (const alias of added) await aliases.checkFree(alias, requester)
    for (const alias of added) await aliases.set(requester, alias, room.id)
    for (const alias of without(current, wanted)) await aliases.remove(requester, alias)
    return aliasesEventId(room)
  }
}

const unchanged: LevelChange = (content) => content

function listedAliases({ aliases }: JsonObject, server: string): RoomAlias[] {
  if (!Array.isArray(aliases)) throw badJson('aliases is not a list')
  const folded = aliases.map((alias) => {
    if (typeof alias !== 'string' || !isRoomAlias(alias)) throw badJson('aliases is not a list of room aliases')
    if (serverOf(alias) !== server) throw badJson(`${alias} belongs to another server`)
    return [alias.toLowerCase(), alias] as const
  })
  return [...new Map(folded).values()]
}

/** Aliases that differ only in case are one. */
function without(aliases: readonly RoomAlias[], others: readonly RoomAlias[]): RoomAlias[] {
  const folded = new Set(others.map((alias) => alias.toLowerCase()))
  return aliases.filter((alias) => !folded.has(alias.toLowerCase()))
}
