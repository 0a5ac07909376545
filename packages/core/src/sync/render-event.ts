import { isJsonObject, type JsonObject, type JsonValue } from '@hearth/protocol'
import type { ClientEvent, ViewerContext } from '../events/client-event.ts'
import { viewerOf, type PresentedEvent } from '../events/presented-event.ts'
import type { SyncFilter } from './sync-filter.ts'

/** Renders an event of a timeline the way that a filter and a device ask for. */
export function renderPresented(presented: PresentedEvent, filter: SyncFilter, now: number): string {
  return render(presented.client, filter, viewerOf(presented, now, 'syncJson'))
}

/** Renders a state event. */
export function renderState(event: ClientEvent, filter: SyncFilter, now: number): string {
  return render(event, filter, { now })
}

function render(event: ClientEvent, { federationFormat, eventFields }: SyncFilter, viewer: ViewerContext): string {
  const json = federationFormat ? event.federationJson() : event.syncJson(viewer)
  return eventFields ? JSON.stringify(selectFields(JSON.parse(json) as JsonObject, eventFields)) : json
}

/**
 * The fields at these paths. A dot divides the parts of a path; `\.` stands for a dot and `\\` for a backslash.
 * {@link https://spec.matrix.org/v1.19/appendices/#dot-separated-property-paths}
 */
export function selectFields(event: JsonObject, paths: readonly string[]): JsonObject {
  const result: JsonObject = {}
  for (const path of paths) copyPath(event, result, splitPath(path))
  return result
}

function copyPath(from: JsonObject, to: JsonObject, parts: readonly string[]): void {
  const [part, ...rest] = parts
  if (part === undefined || !Object.hasOwn(from, part)) return
  const value = from[part]
  if (rest.length === 0) return define(to, part, value)
  if (!isJsonObject(value)) return
  const child = Object.hasOwn(to, part) ? to[part] : undefined
  if (isJsonObject(child)) return copyPath(value, child, rest)
  const fresh: JsonObject = {}
  copyPath(value, fresh, rest)
  if (Object.keys(fresh).length > 0) define(to, part, fresh)
}

// Assignment would lose a key named `__proto__`.
function define(object: JsonObject, key: string, value: JsonValue | undefined): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
}

function splitPath(path: string): string[] {
  const parts = ['']
  for (let index = 0; index < path.length; index += 1) {
    const character = path[index]!
    if (character === '\\' && (path[index + 1] === '.' || path[index + 1] === '\\')) {
      parts[parts.length - 1] += path[(index += 1)]!
    } else if (character === '.') parts.push('')
    else parts[parts.length - 1] += character
  }
  return parts
}
