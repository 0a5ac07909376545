import { invalidParam, MatrixError, type JsonObject, type JsonValue } from '@hearth/protocol'

const MAX_NAME_BYTES = 255
const MAX_DISPLAYNAME_CHARACTERS = 256
const MAX_AVATAR_URL_CHARACTERS = 1_000
const MAX_TIME_ZONE_CHARACTERS = 255
/** {@link https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3profileuseridkeyname} */
const MAX_PROFILE_BYTES = 64 * 1024

/** Fields that rooms show too, in member events. */
export const memberFields = ['displayname', 'avatar_url'] as const

/** Fields of another server's profile that are looked at. */
const maxRemoteFields = 200

const customName = /^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+$/

/** How long the texts of the specification's own fields may be, in UTF-16 code units. */
const maxLengths: Readonly<Record<string, number>> = {
  displayname: MAX_DISPLAYNAME_CHARACTERS,
  avatar_url: MAX_AVATAR_URL_CHARACTERS,
  'm.tz': MAX_TIME_ZONE_CHARACTERS,
}

/**
 * Checks the name of a field.
 *
 * @throws MatrixError M_KEY_TOO_LARGE, M_INVALID_PARAM for what follows no namespaced grammar.
 */
export function checkFieldName(name: string): void {
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new MatrixError('M_KEY_TOO_LARGE', `The name of a profile field may have at most ${MAX_NAME_BYTES} bytes`)
  }
  if (!Object.hasOwn(maxLengths, name) && !customName.test(name)) throw invalidParam('Not the name of a profile field')
}

/**
 * A profile with a field set. An empty display name or avatar is none; of other fields, any value is kept, null included.
 *
 * @throws MatrixError M_INVALID_PARAM for a value that the field cannot have, M_PROFILE_TOO_LARGE.
 */
export function withField(fields: JsonObject, name: string, value: JsonValue): JsonObject {
  checkFieldName(name)
  if (Object.hasOwn(maxLengths, name)) checkText(name, value)
  const isEmpty = value === '' && (memberFields as readonly string[]).includes(name)
  if (isEmpty) return withoutField(fields, name)
  const changed = { ...fields, [name]: value }
  if (Buffer.byteLength(JSON.stringify(changed)) >= MAX_PROFILE_BYTES) {
    throw new MatrixError('M_PROFILE_TOO_LARGE', `A profile must stay under ${MAX_PROFILE_BYTES} bytes`)
  }
  return changed
}

export function withoutField(fields: JsonObject, name: string): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name))
}

/** What of a profile that another server gives could be one of ours: anything may stand in it, in any amount. */
export function acceptableFields(said: JsonObject): JsonObject {
  let fields: JsonObject = {}
  for (const [name, value] of Object.entries(said).slice(0, maxRemoteFields)) {
    try {
      if (value !== undefined) fields = withField(fields, name, value)
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
    }
  }
  return fields
}

/** What of a profile member events carry. */
export function memberContent(fields: JsonObject): JsonObject {
  return Object.fromEntries(
    memberFields.flatMap((name) => (typeof fields[name] === 'string' ? [[name, fields[name]]] : [])),
  )
}

function checkText(name: string, value: JsonValue): void {
  const max = maxLengths[name]!
  if (typeof value !== 'string') throw invalidParam(`${name} is not a text`)
  if (value.length > max) throw invalidParam(`${name} may have at most ${max} characters`)
}
