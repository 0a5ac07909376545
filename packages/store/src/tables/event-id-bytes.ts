/**
 * Event ids as the database stores them. An id of room versions 3 and later is a SHA-256 hash: 32 bytes instead of 44
 * characters, in a row and in its index. Version 3 spells it in standard base64, later ones in the URL-safe alphabet, and
 * ids of versions 1 and 2 are free text, kept as UTF-8. Two bits of the event's flags say which, so that the very same
 * spelling comes back.
 *
 * @see https://spec.matrix.org/v1.19/rooms/v3/#event-ids
 * @see https://spec.matrix.org/v1.19/rooms/v4/#event-ids
 */
import type { EventId } from '@hearth/protocol'
import { eventFlags } from './event-flags.ts'

const URL_SAFE = 0
const STANDARD = 1
const FREE_TEXT = 2

const HASH_CHARACTERS = 43

/** An event id's bytes, and the bits of `eventFlags.spelling` that read them back. */
export interface StoredEventId {
  readonly bytes: Buffer
  readonly spelling: number
}

/** How an event id is stored. */
export function storedEventId(eventId: EventId): StoredEventId {
  if (eventId.length === HASH_CHARACTERS + 1 && eventId.startsWith('$')) {
    const bytes = Buffer.from(eventId.slice(1), 'base64')
    const spelling = /[+/]/.test(eventId) ? STANDARD : URL_SAFE
    // Only the spelling that comes back is a hash; unused bits, other characters or a mix of the alphabets are text.
    if (bytes.length === 32 && eventIdOf(bytes, spelling) === eventId) return { bytes, spelling }
  }
  return { bytes: Buffer.from(eventId, 'utf8'), spelling: FREE_TEXT }
}

/** The event id of a row's bytes and flags. */
export function eventIdOf(bytes: Buffer, flags: number): EventId {
  const spelling = flags & eventFlags.spelling
  if (spelling === FREE_TEXT) return bytes.toString('utf8') as EventId
  if (spelling === STANDARD) return `$${bytes.toString('base64').slice(0, HASH_CHARACTERS)}` as EventId
  return `$${bytes.toString('base64url')}` as EventId
}
