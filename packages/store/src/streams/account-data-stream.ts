import type { AccountData, AccountDataRow } from '../tables/account-data.ts'
import type { StreamSource } from './streams.ts'

/** Account data that was set. */
export interface AccountDataStreamChange {
  readonly kind: 'account-data'
  readonly pos: number
  readonly entry: AccountDataRow
}

/** The part of the stream that users' account data makes. */
export class AccountDataStream implements StreamSource<AccountDataStreamChange> {
  readonly kind = 'account-data'
  readonly #accountData: AccountData

  constructor(accountData: AccountData) {
    this.#accountData = accountData
  }

  async list(after: number, upTo: number, limit: number): Promise<AccountDataStreamChange[]> {
    const entries = await this.#accountData.listByPosition(after, upTo, limit)
    return entries.map((entry) => ({ kind: 'account-data', pos: entry.pos, entry }))
  }
}
