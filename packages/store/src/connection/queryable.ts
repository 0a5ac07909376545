/** A value of a statement's parameter. Arrays become PostgreSQL arrays, buffers become bytea. */
export type SqlValue = string | number | boolean | null | Uint8Array | readonly SqlValue[]

/**
 * Something that runs SQL: the database (each statement in a transaction of its own) or one transaction. Table classes
 * take this, so that the same methods serve inside and outside of a transaction.
 */
export interface Queryable {
  /**
   * Runs one statement and resolves to its rows. `name` makes it a prepared statement: the same name must always have the
   * same text (`table.method` is the convention). `null` for statements whose text varies.
   */
  query<R extends object>(name: string | null, text: string, values?: readonly SqlValue[]): Promise<R[]>
  /**
   * Like `query`, for a short statement that only reads. Outside of a transaction it goes over the connection that all such
   * reads share, which is several times faster, and those behind it wait for its answer: long reads go through `query`.
   */
  read<R extends object>(name: string | null, text: string, values?: readonly SqlValue[]): Promise<R[]>
  /** Like `query`; resolves to the number of rows that the statement touched. */
  execute(name: string | null, text: string, values?: readonly SqlValue[]): Promise<number>
}
