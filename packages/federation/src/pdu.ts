import { rawJson, type RawAnswer } from '@hearth/http'
import { s, type JsonObject, type Schema } from '@hearth/protocol'
import type { FederationContext } from './context.ts'

/** An event in a request or an answer. What it has to be depends on its room's version: that is for `core` to say. */
export const pdu: Schema<JsonObject> = { type: 'object' }

/** What endpoints that take events allow in their bodies: there are events that are as deep, and events with NUL. */
export const pduBody = { maxBodyDepth: 1_000, allowNul: true } as const

/** Events as if they were in a transaction. */
export const pduTransaction = s.object({ origin: s.string, origin_server_ts: s.integer, pdus: s.array(pdu) })

/** Answers with events, given as JSON, as if they were in a transaction. */
export function pduTransactionAnswer(
  { server, clock }: Pick<FederationContext, 'server' | 'clock'>,
  events: readonly string[],
): RawAnswer {
  const origin = JSON.stringify(server.serverName)
  return rawJson(`{"origin":${origin},"origin_server_ts":${clock.now()},"pdus":[${events.join(',')}]}`)
}
