import type { JsonObject } from '@hearth/protocol'
import type { BuiltEvent } from '@hearth/rooms'
import type { FakePeer } from '@hearth/test-kit'

const pdusPerTransaction = 50

/** A transaction, ready to be sent. */
export interface PreparedTransaction {
  readonly target: string
  readonly authorization: string
  readonly body: string
}

/** Puts events into transactions and signs them, so that nothing but sending is left to be measured. */
export function prepareTransactions(
  peer: FakePeer,
  destination: string,
  events: readonly BuiltEvent[],
): PreparedTransaction[] {
  const count = Math.ceil(events.length / pdusPerTransaction)
  return Array.from({ length: count }, (_, index) => {
    const part = events.slice(index * pdusPerTransaction, (index + 1) * pdusPerTransaction)
    const target = `/_matrix/federation/v1/send/bench-${Date.now()}-${index}`
    const body: JsonObject = {
      origin: peer.name,
      origin_server_ts: Date.now(),
      pdus: part.map(({ json }) => JSON.parse(json) as JsonObject),
    }
    return {
      target,
      authorization: peer.authorization({ destination, method: 'PUT', target, body }),
      body: JSON.stringify(body),
    }
  })
}

/** Sends transactions one after the other, as a server does. @throws Error when one of them or one of its events is refused */
export async function sendTransactions(base: string, transactions: readonly PreparedTransaction[]): Promise<void> {
  for (const { target, authorization, body } of transactions) {
    const headers = { authorization, 'content-type': 'application/json' }
    const response = await fetch(base + target, { method: 'PUT', headers, body })
    const text = await response.text()
    if (response.status !== 200) throw new Error(`a transaction was answered ${response.status} ${text.slice(0, 200)}`)
    const { pdus = {} } = JSON.parse(text) as { pdus?: Record<string, { error?: string }> }
    const refused = Object.values(pdus).find(({ error }) => error !== undefined)
    if (refused) throw new Error(`an event was refused: ${refused.error}`)
  }
}
