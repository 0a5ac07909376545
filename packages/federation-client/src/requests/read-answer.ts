import { isJsonObject, MatrixError, parseJson, type JsonObject, type JsonValue } from '@hearth/protocol'
import { InvalidAnswer } from '../server-unreachable.ts'
import { ListScanner } from './list-scanner.ts'
import type { AnswerLists } from './remote-request.ts'

/** An event has 64 KiB at most, in its shortest form; escapes may make six bytes of one. */
const MAX_ITEM_BYTES = 512 * 1024
const MAX_REST_BYTES = 2 * 1024 * 1024

/** Events may be nested as deeply as their size allows; this is more than any server takes. */
const MAX_DEPTH = 1_000

/** What the caller's own `onItem` threw. */
export class ConsumerFailed extends Error {
  override readonly name = 'ConsumerFailed'
}

/** Reads a body as one JSON value. @throws InvalidAnswer */
export async function readWhole(body: AsyncIterable<Buffer>): Promise<JsonValue> {
  const parts: Buffer[] = []
  for await (const part of body) parts.push(part)
  return parsed(Buffer.concat(parts))
}

/**
 * Reads a body whose named lists are long: each item is parsed by itself. Items that are not what they should be are left
 * out. @throws InvalidAnswer, ConsumerFailed
 */
export async function readLists(body: AsyncIterable<Buffer>, lists: AnswerLists): Promise<JsonValue> {
  const { names, maxItems, items, onItem } = lists
  const scanner = new ListScanner(names, { maxItems, maxItemBytes: MAX_ITEM_BYTES, maxRestBytes: MAX_REST_BYTES })
  const gathered = new Map(names.map((name) => [name, [] as JsonValue[]]))
  for await (const part of body) {
    for (const { list, bytes } of scanner.push(part)) {
      const item = itemOf(bytes, items)
      if (item === undefined) continue
      if (onItem === undefined) gathered.get(list)!.push(item)
      else await handOver(onItem, list, item)
    }
  }
  const answer = parsed(scanner.rest())
  if (!isJsonObject(answer)) return answer
  for (const [name, values] of gathered) if (Array.isArray(answer[name])) answer[name] = values
  return answer
}

function handOver(onItem: NonNullable<AnswerLists['onItem']>, list: string, item: JsonObject | string) {
  try {
    const handled = onItem(list, item)
    return handled?.catch((error: unknown) => {
      throw new ConsumerFailed('the consumer failed', { cause: error })
    })
  } catch (error) {
    throw new ConsumerFailed('the consumer failed', { cause: error })
  }
}

function itemOf(bytes: Buffer, items: AnswerLists['items']): JsonObject | string | undefined {
  let item: JsonValue
  try {
    item = parseJson(bytes, { maxDepth: MAX_DEPTH })
  } catch (error) {
    if (error instanceof MatrixError) return undefined
    throw error
  }
  return (items === 'string' ? typeof item === 'string' : isJsonObject(item))
    ? (item as JsonObject | string)
    : undefined
}

function parsed(bytes: Uint8Array): JsonValue {
  try {
    return parseJson(bytes, { maxDepth: MAX_DEPTH })
  } catch (error) {
    if (error instanceof MatrixError) throw new InvalidAnswer(error.message, { cause: error })
    throw error
  }
}
