import type { Queryable } from '../connection/queryable.ts'
import { UnsuitableDatabase } from '../connection/errors.ts'

/** What must never change during a deployment's life: the name in its users' ids and in its events. */
export class Deployment {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * Fixes the server's name at the first start; `now` in milliseconds since the epoch.
   *
   * @throws UnsuitableDatabase when the database belongs to another name.
   */
  async claim(serverName: string, now: number): Promise<void> {
    await this.#db.execute(
      'deployment.claim',
      'insert into deployment (server_name, created_ts) values ($1, $2) on conflict do nothing',
      [serverName, now],
    )
    const existing = await this.serverName()
    if (existing === serverName) return
    throw new UnsuitableDatabase(
      `this database belongs to the server "${existing}", whose name is in every user id and event of it and cannot be ` +
        `changed to "${serverName}". Set server_name to ${existing}, or use another database.`,
    )
  }

  /** What tells this deployment from every other, one of the same name included. */
  async identity(): Promise<string> {
    const rows = await this.#db.read<{ identity: string }>(
      'deployment.identity',
      `select server_name || ' ' || created_ts as identity from deployment`,
    )
    return rows[0]!.identity
  }

  /** The name that the database belongs to, once it has been claimed. */
  async serverName(): Promise<string | undefined> {
    const rows = await this.#db.read<{ server_name: string }>(
      'deployment.serverName',
      'select server_name from deployment',
    )
    return rows[0]?.server_name
  }
}
