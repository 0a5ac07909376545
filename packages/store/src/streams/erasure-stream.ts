import type { Erasures } from '../tables/erasures.ts'
import type { StreamSource } from './streams.ts'

/** A user was erased. */
export interface ErasureStreamChange {
  readonly kind: 'erasure'
  readonly pos: number
  readonly userNid: number
}

/** The part of the stream that erasures make. */
export class ErasureStream implements StreamSource<ErasureStreamChange> {
  readonly kind = 'erasure'
  readonly #erasures: Erasures

  constructor(erasures: Erasures) {
    this.#erasures = erasures
  }

  async list(after: number, upTo: number, limit: number): Promise<ErasureStreamChange[]> {
    const rows = await this.#erasures.listByPosition(after, upTo, limit)
    return rows.map((row) => ({ kind: 'erasure', ...row }))
  }
}
