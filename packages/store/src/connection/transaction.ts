import type { PoolClient, QueryResult } from 'pg'
import type { Queryable, SqlValue } from './queryable.ts'

/** One transaction on one connection. Usable until the work that it was made for has settled. */
export class Transaction implements Queryable {
  readonly #client: PoolClient
  readonly #onStatement: () => void
  #open = true

  constructor(deps: { readonly client: PoolClient; readonly onStatement: () => void }) {
    this.#client = deps.client
    this.#onStatement = deps.onStatement
  }

  async query<R extends object>(name: string | null, text: string, values?: readonly SqlValue[]): Promise<R[]> {
    return (await this.#send<R>(name, text, values)).rows
  }

  /** The same as `query`: inside a transaction there is only its own connection. */
  read<R extends object>(name: string | null, text: string, values?: readonly SqlValue[]): Promise<R[]> {
    return this.query(name, text, values)
  }

  async execute(name: string | null, text: string, values?: readonly SqlValue[]): Promise<number> {
    return (await this.#send(name, text, values)).rowCount ?? 0
  }

  /** Refuses every later use: the connection goes back to the pool. */
  close(): void {
    this.#open = false
  }

  #send<R extends object>(
    name: string | null,
    text: string,
    values: readonly SqlValue[] = [],
  ): Promise<QueryResult<R & Record<string, unknown>>> {
    if (!this.#open) return Promise.reject(new Error('the transaction is over: something in it was not awaited'))
    this.#onStatement()
    return this.#client.query<R & Record<string, unknown>>(queryConfig(name, text, values))
  }
}

/** The driver's form of a statement. */
export function queryConfig(
  name: string | null,
  text: string,
  values: readonly SqlValue[],
): { name?: string; text: string; values: SqlValue[] } {
  // The driver reads the values at once and keeps none.
  return name === null ? { text, values: values as SqlValue[] } : { name, text, values: values as SqlValue[] }
}
