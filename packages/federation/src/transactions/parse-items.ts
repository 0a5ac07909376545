import { isJsonObject, notJson, parseJsonText, MatrixError, type JsonObject, type JsonValue } from '@hearth/protocol'
import type { TextItem } from './transaction-text.ts'

/** More than the largest event takes, however it is written. */
const maxPduLength = 1024 * 1024
/** What other servers can read: an event that they take and we do not would split its room. */
const maxPduDepth = 1_000
const maxEduDepth = 100

/**
 * Parses events. Those that nobody could read are left out. Numbers are taken as they come: which may be in an event is for
 * its room's version to say, and one that is wrong is no reason to refuse the others.
 * @throws MatrixError 400 `M_NOT_JSON`.
 */
export async function parsePdus(items: readonly TextItem[]): Promise<JsonObject[]> {
  const pdus: JsonObject[] = []
  for (const { text, depth } of items) {
    if (text.length > maxPduLength || depth > maxPduDepth) continue
    const value = parsePlainly(text)
    if (isJsonObject(value)) pdus.push(value)
    // Events are parsed one by one, with others' requests in between.
    if (text.length > 16_384) await new Promise((resolve) => setImmediate(resolve))
  }
  return pdus
}

/**
 * Parses EDUs. Those that cannot be kept are left out.
 * @throws MatrixError 400 `M_NOT_JSON`.
 */
export async function parseEdus(items: readonly TextItem[]): Promise<JsonValue[]> {
  const edus: JsonValue[] = []
  for (const { text } of items) {
    try {
      edus.push(parseJsonText(text, { maxDepth: maxEduDepth, nul: 'refuse' }))
    } catch (error) {
      if (!(error instanceof MatrixError) || error.errcode !== 'M_BAD_JSON') throw error
    }
    if (text.length > 16_384) await new Promise((resolve) => setImmediate(resolve))
  }
  return edus
}

function parsePlainly(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    throw notJson('The transaction is not JSON')
  }
}
