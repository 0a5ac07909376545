import { invalidParam } from '@hearth/protocol'

/**
 * The tokens that clients get: `s<position>`, the point just after a stream position. They work for `/sync`, `/messages`
 * and the founding event stream alike. Backfilled events have negative positions.
 */
export function formatToken(position: number): string {
  return `s${position}`
}

/** Where a client stands that follows everything: in the stream, and in what is in no stream. */
export interface SyncToken {
  readonly position: number
  /** What the client has been told of typing and presence; undefined in a token that says nothing of it. */
  readonly serial?: number | undefined
  /** Whether the client was last told that somebody is typing somewhere. */
  readonly heardTyping?: boolean | undefined
  /** Up to where the client has been given what was sent to its device, which only `/sync` does. */
  readonly toDevice: number
}

/**
 * Such a token: `s<position>_<serial>`, with a `t` behind it where somebody is typing, and `d<position>` where messages to
 * the device are left for the next answer.
 */
export function formatSyncToken({ position, serial, heardTyping = false, toDevice }: SyncToken): string {
  if (serial === undefined) return formatToken(position)
  return `${formatToken(position)}_${serial}${heardTyping ? 't' : ''}${toDevice < position ? `d${toDevice}` : ''}`
}

/** The position of any token. @throws MatrixError M_INVALID_PARAM for what is no token of ours. */
export function parseToken(token: string): number {
  return parseSyncToken(token).position
}

/** @throws MatrixError M_INVALID_PARAM for what is no token of ours. */
export function parseSyncToken(token: string): SyncToken {
  const match = /^s(-?\d{1,16})(?:_(\d{1,16})(t?)(?:d(\d{1,16}))?)?$/.exec(token)
  const position = match ? Number(match[1]) : NaN
  if (!match || !Number.isSafeInteger(position)) throw invalidParam('Not a token of this server')
  if (match[2] === undefined) return { position, toDevice: 0 }
  const toDevice = match[4] === undefined ? position : Number(match[4])
  return { position, serial: Number(match[2]), heardTyping: match[3] === 't', toDevice }
}
