import type { ReceiptRow, Receipts } from '../tables/receipts.ts'
import type { StreamSource } from './streams.ts'

/** A receipt that was moved. */
export interface ReceiptStreamChange {
  readonly kind: 'receipt'
  readonly pos: number
  readonly receipt: ReceiptRow
}

/** The part of the stream that receipts make. */
export class ReceiptStream implements StreamSource<ReceiptStreamChange> {
  readonly kind = 'receipt'
  readonly #receipts: Receipts

  constructor(receipts: Receipts) {
    this.#receipts = receipts
  }

  async list(after: number, upTo: number, limit: number): Promise<ReceiptStreamChange[]> {
    const receipts = await this.#receipts.listByPosition(after, upTo, limit)
    return receipts.map((receipt) => ({ kind: 'receipt', pos: receipt.pos, receipt }))
  }
}
