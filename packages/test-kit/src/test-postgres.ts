import { randomBytes } from 'node:crypto'
import { createDatabase, dropDatabase, listDatabases, migrate, withDatabase } from '@hearth/store'

/** A database that one test file has to itself. */
export interface TestDatabase {
  readonly url: string
  drop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface TestPostgresDeps {
  /** Any database of the server, of a role that may create databases. */
  readonly serverUrl: string
  /** The name of the migrated database that is cloned; names that begin with it belong to this test run. */
  readonly template: string
}

/** A PostgreSQL server for tests, with a migrated database to clone. */
export class TestPostgres {
  readonly #deps: TestPostgresDeps

  constructor(deps: TestPostgresDeps) {
    this.#deps = deps
  }

  /** What a test process needs to reach the same server. */
  get deps(): TestPostgresDeps {
    return this.#deps
  }

  /** Makes the template. */
  async prepare(): Promise<void> {
    const { serverUrl, template } = this.#deps
    await createDatabase(serverUrl, template)
    await migrate(withDatabase(serverUrl, template))
  }

  /** A clone of the template. */
  async createDatabase(): Promise<TestDatabase> {
    const { serverUrl, template } = this.#deps
    const name = `${template}_${randomBytes(6).toString('hex')}`
    await createDatabase(serverUrl, name, template)
    const drop = (): Promise<void> => dropDatabase(serverUrl, name)
    return { url: withDatabase(serverUrl, name), drop, [Symbol.asyncDispose]: drop }
  }

  /** Drops the template and every clone that is left. */
  async dropAll(): Promise<void> {
    const { serverUrl, template } = this.#deps
    const own = (await listDatabases(serverUrl)).filter((name) => name.startsWith(template))
    await Promise.all(own.map((name) => dropDatabase(serverUrl, name)))
  }
}
