import type { Queryable } from '../connection/queryable.ts'

export interface NewRegistrationToken {
  readonly token: string
  /** How many accounts may be registered with it; null for any number. */
  readonly usesAllowed: number | null
  /** Milliseconds since the epoch; null for never. */
  readonly expiresTs: number | null
  /** Whether the account becomes an administrator. */
  readonly grantsAdmin: boolean
  readonly now: number
}

const usable = `(uses_allowed is null or uses < uses_allowed) and (expires_ts is null or expires_ts > $2)`

/** Tokens without which nobody registers where registration is by token. */
export class RegistrationTokens {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Adds a token; false when there is one of that text. */
  async insert(token: NewRegistrationToken): Promise<boolean> {
    return this.#insert(token, false)
  }

  /** Adds the token for the first account; false when there is such a token, used or not. */
  async insertFirst(token: NewRegistrationToken): Promise<boolean> {
    return this.#insert(token, true)
  }

  /** The token for the first account, as long as it has not been used. */
  async findFirst(): Promise<string | undefined> {
    const rows = await this.#db.read<{ token: string }>(
      'registrationTokens.findFirst',
      `select token from registration_tokens where is_first and uses = 0`,
    )
    return rows[0]?.token
  }

  /** Withdraws the token for the first account. The row stays if it has been used, so that there is no second one. */
  async deleteFirst(): Promise<void> {
    await this.#db.execute(
      'registrationTokens.deleteFirst',
      `delete from registration_tokens where is_first and uses = 0`,
    )
  }

  /** Whether an account could be registered with a token now. */
  async isUsable(token: string, now: number): Promise<boolean> {
    const rows = await this.#db.read(
      'registrationTokens.isUsable',
      `select from registration_tokens where token = $1 and ${usable}`,
      [token, now],
    )
    return rows.length > 0
  }

  /**
   * Counts a use, in the transaction that creates the account: two that want the last one take the row in turn. Resolves
   * to what the token grants, or to undefined when it is not usable.
   */
  async use(token: string, now: number): Promise<{ readonly grantsAdmin: boolean } | undefined> {
    const rows = await this.#db.query<{ grantsAdmin: boolean }>(
      'registrationTokens.use',
      `update registration_tokens set uses = uses + 1 where token = $1 and ${usable}
       returning grants_admin as "grantsAdmin"`,
      [token, now],
    )
    return rows[0]
  }

  async #insert(token: NewRegistrationToken, isFirst: boolean): Promise<boolean> {
    const inserted = await this.#db.execute(
      'registrationTokens.insert',
      `insert into registration_tokens (token, uses_allowed, expires_ts, grants_admin, is_first, created_ts)
       values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
      [token.token, token.usesAllowed, token.expiresTs, token.grantsAdmin, isFirst, token.now],
    )
    return inserted === 1
  }
}
