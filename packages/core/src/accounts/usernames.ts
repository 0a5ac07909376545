import { randomBytes } from 'node:crypto'
import {
  buildUserId,
  isUserId,
  isValidNewLocalpart,
  localpartOf,
  MatrixError,
  serverOf,
  type ServerName,
} from '@hearth/protocol'

/**
 * The localpart for the user name that somebody wants: in lower case.
 * @throws MatrixError M_INVALID_USERNAME for what no new user may be called.
 * {@link https://spec.matrix.org/v1.19/appendices/#user-identifiers}
 */
export function newLocalpart(username: string, serverName: ServerName): string {
  const localpart = inLowerCase(username)
  if (!isValidNewLocalpart(localpart)) {
    throw new MatrixError(
      'M_INVALID_USERNAME',
      'A user name consists of letters from a to z, digits, and the characters . _ = - / +',
    )
  }
  buildUserId(localpart, serverName)
  return localpart
}

/** A localpart for somebody who does not care: 10 characters, 50 bits. */
export function generateLocalpart(): string {
  const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789'
  return Array.from(randomBytes(10), (byte) => alphabet[byte % alphabet.length]).join('')
}

/**
 * The localparts that somebody may mean who logs in as `user`, the likelier one first: what was typed, since accounts from
 * older servers may have capitals, and the same in lower case. Empty for a user of another server and for what is no user id.
 */
export function loginLocalparts(user: string, serverName: ServerName): string[] {
  const userId = user.startsWith('@') ? user : `@${user}:${serverName}`
  if (!isUserId(userId) || serverOf(userId).toLowerCase() !== serverName.toLowerCase()) return []
  const localpart = localpartOf(userId)
  const lower = inLowerCase(localpart)
  return localpart === lower ? [lower] : [localpart, lower]
}

/** ASCII only: other letters must not turn into one of these, as the Kelvin sign does. */
function inLowerCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}
