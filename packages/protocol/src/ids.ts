import { MatrixError } from './errors.ts'
import { isServerName } from './server-name.ts'
import { isStorableText } from './storable-text.ts'
import type { Branded } from './branded.ts'
import type { ServerName } from './server-name.ts'

/** `@localpart:server`, historical localparts included. {@link https://spec.matrix.org/v1.19/appendices/#user-identifiers} */
export type UserId = Branded<'UserId'>
/** `!opaque:server`, or `!hash` from room version 12 on. {@link https://spec.matrix.org/v1.19/appendices/#room-ids} */
export type RoomId = Branded<'RoomId'>
/** `#alias:server`. {@link https://spec.matrix.org/v1.19/appendices/#room-aliases} */
export type RoomAlias = Branded<'RoomAlias'>
/** `$opaque:server` in room versions 1 and 2, `$hash` from 3 on. {@link https://spec.matrix.org/v1.19/appendices/#event-ids} */
export type EventId = Branded<'EventId'>
/** A device of a user: opaque, 1 to 255 bytes. */
export type DeviceId = Branded<'DeviceId'>

/** The two halves of `&localpart:server`. */
export interface IdParts {
  readonly localpart: string
  readonly server: ServerName
}

const MAX_ID_BYTES = 255
const newLocalpart = /^[a-z0-9._=/+-]+$/

/**
 * Whether this may be used as a user id: any localpart of legal code points but `:` and NUL, the empty one included,
 * because rooms hold members whose ids are older than today's grammar.
 */
export function isUserId(id: string): id is UserId {
  return splitId('@', id) !== undefined
}

/**
 * Whether a user id is one that could not be allocated today.
 * {@link https://spec.matrix.org/v1.19/appendices/#historical-user-ids}
 */
export function isHistoricalUserId(id: string): id is UserId {
  const parts = splitId('@', id)
  return parts !== undefined && !isValidNewLocalpart(parts.localpart)
}

/** Whether a new user may have this localpart. The length of the whole id is for `buildUserId` to judge. */
export function isValidNewLocalpart(localpart: string): boolean {
  return newLocalpart.test(localpart)
}

/** Whether this may be a room id, in the form of any room version. */
export function isRoomId(id: string): id is RoomId {
  // Without a domain it is the id of the create event with another sigil, which is opaque to this grammar.
  return id.includes(':') ? (splitId('!', id)?.localpart ?? '') !== '' : isOpaqueId('!', id)
}

/** Whether this may be a room alias. */
export function isRoomAlias(id: string): id is RoomAlias {
  return (splitId('#', id)?.localpart ?? '') !== ''
}

/** Whether this may be an event id, in the form of any room version: all but its sigil and length is the room version's. */
export function isEventId(id: string): id is EventId {
  return isOpaqueId('$', id)
}

/** Whether this may name a device. */
export function isDeviceId(id: string): id is DeviceId {
  return id !== '' && isIdText(id)
}

/** Splits a user id. Throws `M_INVALID_PARAM` for anything else. */
export function parseUserId(id: string): IdParts {
  return parseId('@', id, 'user id')
}

/** Splits a room alias. Throws `M_INVALID_PARAM` for anything else. */
export function parseRoomAlias(id: string): IdParts {
  return parseId('#', id, 'room alias')
}

/** The user id of a localpart on a server. Throws `M_INVALID_USERNAME` if that is none, as when it is too long. */
export function buildUserId(localpart: string, server: ServerName): UserId {
  const id = `@${localpart}:${server}`
  if (!isUserId(id)) throw new MatrixError('M_INVALID_USERNAME', 'The user name cannot be used')
  return id
}

/**
 * The server in an id that has one. The argument is taken to be a checked id: this only cuts at the first colon. Throws
 * `M_INVALID_PARAM` if there is no colon, as in room ids from room version 12 on.
 */
export function serverOf(id: UserId | RoomAlias | string): ServerName {
  const colon = id.indexOf(':')
  if (colon === -1) throw new MatrixError('M_INVALID_PARAM', 'The identifier names no server')
  return id.slice(colon + 1) as ServerName
}

/** The localpart of a checked id, without its sigil. */
export function localpartOf(id: UserId | RoomAlias): string {
  return id.slice(1, id.indexOf(':'))
}

function parseId(sigil: string, id: string, name: string): IdParts {
  const parts = splitId(sigil, id)
  if (parts === undefined) throw new MatrixError('M_INVALID_PARAM', `Not a ${name}`)
  return parts
}

function splitId(sigil: string, id: string): IdParts | undefined {
  if (id[0] !== sigil || !isIdText(id)) return undefined
  // A localpart has no colon while a server name may have several, so the first one is the border.
  const colon = id.indexOf(':')
  if (colon === -1) return undefined
  const server = id.slice(colon + 1)
  return isServerName(server) ? { localpart: id.slice(1, colon), server } : undefined
}

function isOpaqueId(sigil: string, id: string): boolean {
  return id.length > 1 && id[0] === sigil && isIdText(id)
}

/** What every identifier must be: legal Unicode without NUL, of 255 bytes of UTF-8 at most. */
function isIdText(text: string): boolean {
  return fitsInBytes(text, MAX_ID_BYTES) && isStorableText(text)
}

function fitsInBytes(text: string, limit: number): boolean {
  if (text.length * 3 <= limit) return true
  if (text.length > limit) return false
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // A surrogate pair is two units and four bytes, any other unit from U+0800 on is three bytes.
    if (unit >= 0x80) bytes += unit >= 0x800 && (unit & 0xf800) !== 0xd800 ? 2 : 1
  }
  return bytes <= limit
}
