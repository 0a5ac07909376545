import { isDeepStrictEqual } from 'node:util'
import { isJsonObject, type JsonObject, type JsonValue } from '@hearth/protocol'
import { PowerLevels } from '@hearth/rooms'
import { flatPowerLevels, type RoomFacts } from './flat-power-levels.ts'
import { legacyEvent } from './legacy-event.ts'
import { levelEventType, levelEventTypes, readLevelEvent } from './level-events.ts'
import type { LegacyStateView } from './legacy-state-view.ts'
import { virtualEventId } from './virtual-event-id.ts'

/** An event on its way into the form of the founding API. */
interface FoundingEvent extends JsonObject {
  type: string
  event_id: string
  content: JsonObject
  state_key?: string
}

/**
 * A room's events as the founding API shows them. Power levels are flat there, and some of them are state events of
 * their own, which are not stored: they are read from `m.room.power_levels`. Events are given in today's form.
 */
export class FoundingView {
  readonly #facts: RoomFacts

  constructor(facts: RoomFacts) {
    this.#facts = facts
  }

  event(event: JsonObject): JsonObject {
    return this.#translate(lifted(event))
  }

  /** What an event changed, for who follows the room: of new power levels also the level events that are others now. */
  changes(event: JsonObject): JsonObject[] {
    const legacy = lifted(event)
    if (!setsPowerLevels(legacy)) return [this.#translate(legacy)]
    const levels = levelEventTypes.map((type) => this.#levelEvent(type, legacy))
    const changed = levels.filter(({ content, prev_content: before }) => !isDeepStrictEqual(content, before))
    return [this.#translate(legacy), ...changed]
  }

  /** The level event of that type which is read from an `m.room.power_levels`. */
  levelEvent(type: string, powerLevels: JsonObject): JsonObject {
    return this.#levelEvent(type, lifted(powerLevels))
  }

  /**
   * How the state of a room with these power levels is shown: with the level that changing an event takes; a membership has no
   * such level, except that of who is banned.
   */
  state(powerLevelsEvent: JsonObject | undefined): LegacyStateView {
    const levels = powerLevelsEvent && lifted(powerLevelsEvent)
    const powerLevels = this.#powerLevels(levels?.content)
    const withLevel = (event: FoundingEvent): JsonObject => {
      const level = requiredLevel(event, powerLevels)
      return level === undefined ? event : { ...event, required_power_level: level }
    }
    return {
      event: (event) => {
        const legacy = lifted(event)
        // What somebody sent under the name of a level event has no effect, and the levels that have one are shown instead.
        const isShown = legacy.state_key !== '' || levelEventType(legacy.type) === undefined
        return isShown ? withLevel(this.#translate(legacy)) : undefined
      },
      further: levels ? levelEventTypes.map((type) => withLevel(this.#levelEvent(type, levels))) : [],
    }
  }

  #translate(event: FoundingEvent): FoundingEvent {
    if (setsPowerLevels(event)) return withContents(event, (content) => flatPowerLevels(content, this.#facts))
    if (event.type === 'm.room.create' && this.#facts.version.creators !== 'content') {
      return { ...event, content: { ...event.content, creator: event['sender'] } }
    }
    return event
  }

  #levelEvent(type: string, powerLevels: FoundingEvent): FoundingEvent {
    const event = withContents(powerLevels, (content) => readLevelEvent(type, this.#powerLevels(content)))
    const replaced = powerLevels['replaces_state']
    return {
      ...event,
      type,
      event_id: virtualEventId(type, powerLevels.event_id),
      ...(typeof replaced === 'string' && { replaces_state: virtualEventId(type, replaced) }),
    }
  }

  #powerLevels(content: JsonValue | undefined): PowerLevels {
    return new PowerLevels({ ...this.#facts, content: isJsonObject(content) ? content : undefined })
  }
}

/** The event in the old form, untranslated. Of a redacted event nothing is left but what redaction keeps. */
function lifted(event: JsonObject): FoundingEvent {
  const legacy = legacyEvent(event) as FoundingEvent
  if (legacy['redacted_because'] === undefined) return legacy
  const { unsigned: _unsigned, membership: _membership, ...fields } = legacy
  return fields
}

function setsPowerLevels({ type, state_key: key }: FoundingEvent): boolean {
  return type === 'm.room.power_levels' && key === ''
}

/** The event with other contents; `unsigned`, which repeats the untranslated one, is left out. */
function withContents(event: FoundingEvent, translate: (content: JsonObject) => JsonObject): FoundingEvent {
  const { unsigned: _unsigned, prev_content: before, ...fields } = event
  return {
    ...fields,
    content: translate(event.content),
    ...(isJsonObject(before) && { prev_content: translate(before) }),
  }
}

function requiredLevel({ type, content, state_key: key }: FoundingEvent, powerLevels: PowerLevels): number | undefined {
  switch (type) {
    case 'm.room.create':
      return undefined
    case 'm.room.member': {
      if (content['membership'] !== 'ban' || key === undefined) return undefined
      const level = Math.max(powerLevels.level('ban'), powerLevels.level('kick'), powerLevels.of(key) + 1)
      return Number.isFinite(level) ? level : undefined
    }
    default:
      return powerLevels.toSend(levelEventType(type) === undefined ? type : 'm.room.power_levels', 'state')
  }
}
