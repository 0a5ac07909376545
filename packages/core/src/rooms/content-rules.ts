import { badJson, isJsonObject, type JsonObject, type JsonValue } from '@hearth/protocol'
import type { RoomVersion } from '@hearth/rooms'

const namedLevels = ['ban', 'events_default', 'invite', 'kick', 'redact', 'state_default', 'users_default']
const mapsOfLevels = ['events', 'notifications', 'users']

/**
 * What the server asks of the events that it interprets itself, before one of its users sends them. The room's rules let
 * more pass; content that nobody can read helps nobody.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#room-events}
 */
export class ContentRules {
  readonly #schemaChecks: ReadonlyMap<string, (content: JsonObject) => void>

  /** `schemaChecks` throw M_BAD_JSON for content that does not fit the schema of its event type. */
  constructor(deps: { readonly schemaChecks: ReadonlyMap<string, (content: JsonObject) => void> }) {
    this.#schemaChecks = deps.schemaChecks
  }

  /** @throws MatrixError M_BAD_JSON for content that this type of event cannot have. */
  check(version: RoomVersion, type: string, content: JsonObject): void {
    this.#schemaChecks.get(type)?.(content)
    // What a level may be differs between versions, which a schema cannot say.
    if (type === 'm.room.power_levels') checkLevels(version, content)
  }
}

function checkLevels(version: RoomVersion, content: JsonObject): void {
  for (const name of namedLevels) checkLevel(version, name, content[name])
  for (const name of mapsOfLevels) {
    const levels = content[name]
    if (!isJsonObject(levels)) continue
    for (const level of Object.values(levels)) checkLevel(version, `${name} entry`, level)
  }
}

function checkLevel(version: RoomVersion, name: string, level: JsonValue | undefined): void {
  if (level === undefined || Number.isSafeInteger(level)) return
  const wasTolerated = !version.integerPowerLevels && typeof level === 'string' && /^\s*[+-]?\d{1,15}\s*$/.test(level)
  if (!wasTolerated) throw badJson(`${name} is not an integer`)
}
