import type { Queryable } from '../connection/queryable.ts'

/** How far each consumer of the stream has come. */
export class ConsumerCursors {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Adds a consumer at a position; one that exists stays where it is. */
  async insert(name: string, pos: number): Promise<void> {
    await this.#db.execute(
      'consumerCursors.insert',
      'insert into consumer_cursor (name, pos) values ($1, $2) on conflict do nothing',
      [name, pos],
    )
  }

  /** A consumer's position; undefined for one that never ran. */
  async find(name: string): Promise<number | undefined> {
    const rows = await this.#db.read<{ pos: number }>(
      'consumerCursors.find',
      'select pos from consumer_cursor where name = $1',
      [name],
    )
    return rows[0]?.pos
  }

  /**
   * Takes the cursor for the rest of the transaction and resolves to its position; to undefined when another process holds
   * it, because then that one is at work.
   */
  async lock(name: string): Promise<number | undefined> {
    const rows = await this.#db.query<{ pos: number }>(
      'consumerCursors.lock',
      'select pos from consumer_cursor where name = $1 for update skip locked',
      [name],
    )
    return rows[0]?.pos
  }

  /** Moves a cursor, within the transaction that holds it. */
  async move(name: string, pos: number): Promise<void> {
    await this.#db.execute('consumerCursors.move', 'update consumer_cursor set pos = $2 where name = $1', [name, pos])
  }
}
