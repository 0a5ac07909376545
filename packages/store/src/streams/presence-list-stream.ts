import type { PresenceListRow, PresenceLists } from '../tables/presence-lists.ts'
import type { StreamSource } from './streams.ts'

/** Somebody asked to see another's presence, or what was asked was answered or given up. */
export interface PresenceListStreamChange {
  readonly kind: 'presence-list'
  readonly pos: number
  readonly entry: PresenceListRow
}

/** The part of the stream that presence lists make. */
export class PresenceListStream implements StreamSource<PresenceListStreamChange> {
  readonly kind = 'presence-list'
  readonly #lists: PresenceLists

  constructor(lists: PresenceLists) {
    this.#lists = lists
  }

  async list(after: number, upTo: number, limit: number): Promise<PresenceListStreamChange[]> {
    const rows = await this.#lists.listByPosition(after, upTo, limit)
    return rows.map((entry) => ({ kind: 'presence-list', pos: entry.pos, entry }))
  }
}
