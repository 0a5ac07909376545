import type { EventId, UserId } from '@hearth/protocol'
import type { ReceiptType } from '@hearth/store'

/** What of a receipt clients are told. */
export interface ShownReceipt {
  readonly userId: UserId
  readonly type: ReceiptType
  readonly threadId: string | null
  readonly eventId: EventId
  readonly ts: number
}

type ByUser = Map<UserId, ShownReceipt>
type ByType = Map<ReceiptType, ByUser>
/** The content of an `m.receipt` event. */
type ReceiptContent = Map<EventId, ByType>

/**
 * The contents of `m.receipt` events that tell of these receipts, as JSON. One does but where somebody has read the same
 * event in several threads, for which a content has no room.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#mreceipt}
 */
export function receiptContents(receipts: Iterable<ShownReceipt>): string[] {
  const contents: ReceiptContent[] = []
  for (const receipt of receipts) {
    const free = contents.find((content) => !content.get(receipt.eventId)?.get(receipt.type)?.has(receipt.userId))
    if (free) add(free, receipt)
    else contents.push(add(new Map<EventId, ByType>(), receipt))
  }
  return contents.map(json)
}

function add(content: ReceiptContent, receipt: ShownReceipt): ReceiptContent {
  let types = content.get(receipt.eventId)
  if (!types) content.set(receipt.eventId, (types = new Map<ReceiptType, ByUser>()))
  let users = types.get(receipt.type)
  if (!users) types.set(receipt.type, (users = new Map<UserId, ShownReceipt>()))
  users.set(receipt.userId, receipt)
  return content
}

// Written out, because user ids may be names that assignment to an object treats specially.
function json(content: ReceiptContent): string {
  return object(content, (types) => object(types, (users) => object(users, receiptJson)))
}

function object<Value>(entries: ReadonlyMap<string, Value>, valueJson: (value: Value) => string): string {
  return `{${[...entries].map(([key, value]) => `${JSON.stringify(key)}:${valueJson(value)}`).join(',')}}`
}

function receiptJson({ ts, threadId }: ShownReceipt): string {
  return threadId === null ? `{"ts":${ts}}` : `{"ts":${ts},"thread_id":${JSON.stringify(threadId)}}`
}
