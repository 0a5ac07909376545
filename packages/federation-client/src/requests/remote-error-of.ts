import type { IncomingHttpHeaders } from 'node:http'
import { isJsonObject, type JsonValue, type ServerName } from '@hearth/protocol'
import { RemoteError } from '../remote-error.ts'

const MAX_MESSAGE_LENGTH = 500
const MAX_ERRCODE_LENGTH = 100
const MAX_ROOM_VERSION_LENGTH = 32
const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000

/** A refusal as an error, or `undefined` if a proxy rather than the server itself has spoken. */
export function remoteErrorOf(
  destination: ServerName,
  { status, headers, body }: { status: number; headers: IncomingHttpHeaders; body: JsonValue | undefined },
): RemoteError | undefined {
  const fields = isJsonObject(body) ? body : {}
  const errcode = textOf(fields['errcode'], MAX_ERRCODE_LENGTH)
  if (errcode === undefined && status >= 500) return undefined
  const isUnknownPath = status === 404 || status === 405
  return new RemoteError({
    destination,
    status,
    errcode: errcode ?? (isUnknownPath ? 'M_UNRECOGNIZED' : 'M_UNKNOWN'),
    message: textOf(fields['error'], MAX_MESSAGE_LENGTH) ?? `${destination} refused with ${status}`,
    retryAfterMs: retryAfterMs(fields['retry_after_ms'], headers['retry-after']),
    roomVersion: textOf(fields['room_version'], MAX_ROOM_VERSION_LENGTH),
  })
}

function textOf(value: JsonValue | undefined, maxLength: number): string | undefined {
  return typeof value === 'string' ? value.slice(0, maxLength).toWellFormed() : undefined
}

function retryAfterMs(field: JsonValue | undefined, header: string | undefined): number | undefined {
  const ms =
    typeof field === 'number' ? field : header !== undefined && /^[0-9]+$/.test(header) ? Number(header) * 1000 : -1
  return ms >= 0 ? Math.min(Math.round(ms), MAX_RETRY_AFTER_MS) : undefined
}
