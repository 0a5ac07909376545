import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { Client } from 'pg'
import { CONNECT_TIMEOUT_MS } from '../connection/client-config.ts'
import { UnsuitableDatabase } from '../connection/errors.ts'
import { checkServer } from '../connection/server-check.ts'
import { migrations as allMigrations } from './index.ts'
import type { Migration } from './migration.ts'

export interface MigrateOptions {
  /** The steps to apply; all that exist when absent. */
  readonly migrations?: readonly Migration[]
}

const TABLE = 'schema_migrations'
/** The key of the advisory lock that processes starting together take in turn: "hearth", as a number. */
const LOCK_KEY = 0x686561727468
/** How long a process waits for another one that is migrating. */
const MAX_WAIT = '1h'
/**
 * How long a step waits for a table that others use. Whoever comes after it waits behind it: where a backup or a long query
 * holds the table, it is better to let them pass and to begin anew.
 */
const TABLE_WAIT = '2s'
const MAX_TABLE_WAIT_MS = 60 * 60_000
const AGAIN_AFTER_MS = 1_000
const LOCK_NOT_AVAILABLE = '55P03'

/**
 * Brings a database to the schema of this version of Hearth, and resolves to the names of the steps that were applied.
 * All missing steps are one transaction: they are applied together or not at all. Any number of processes may call it
 * together: one works, the others wait. Processes of the release before may go on meanwhile: no step makes them wait for long.
 *
 * Throws `UnsuitableDatabase` when the database has steps that this version does not know.
 */
export async function migrate(databaseUrl: string, options: MigrateOptions = {}): Promise<string[]> {
  const known = options.migrations ?? allMigrations
  const lock = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
  lock.on('error', () => undefined)
  try {
    await lock.connect()
    await checkServer(lock)
    await lock.query(`set lock_timeout = '${MAX_WAIT}'`)
    // PostgreSQL gives it back when the session ends, however that happens.
    await lock.query('select pg_advisory_lock($1)', [LOCK_KEY])
    const missing = await missingSteps(lock, known)
    if (missing.length > 0) await applyBetweenOthers(databaseUrl, known)
    return missing
  } finally {
    await lock.end()
  }
}

async function missingSteps(client: Client, known: readonly Migration[]): Promise<string[]> {
  const { rows: tables } = await client.query<{ exists: boolean }>(`select to_regclass($1) is not null as "exists"`, [
    TABLE,
  ])
  if (tables[0]?.exists !== true) return known.map((migration) => migration.name)
  const { rows } = await client.query<{ name: string }>(`select name from ${TABLE} order by id`)
  const unknown = rows.map((row) => row.name).filter((name) => !known.some((migration) => migration.name === name))
  if (unknown.length > 0) {
    throw new UnsuitableDatabase(
      `this database was used by a newer version of Hearth (unknown to this one: ${unknown.join(', ')}). ` +
        `Start that version, or restore a backup from before the upgrade.`,
    )
  }
  const done = new Set(rows.map((row) => row.name))
  return known.map((migration) => migration.name).filter((name) => !done.has(name))
}

/** Applies the steps as soon as nobody holds what they change for long, which may take as long as a backup does. */
async function applyBetweenOthers(databaseUrl: string, known: readonly Migration[]): Promise<void> {
  const limit = performance.now() + MAX_TABLE_WAIT_MS
  for (;;) {
    try {
      return await apply(databaseUrl, known)
    } catch (error) {
      if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE || performance.now() > limit) throw error
    }
    await sleep(AGAIN_AFTER_MS)
  }
}

async function apply(databaseUrl: string, known: readonly Migration[]): Promise<void> {
  const silent = (): void => undefined
  // Most starts find nothing missing, and need not load it.
  const { default: createKnex } = await import('knex')
  const knex = createKnex({
    client: 'pg',
    connection: databaseUrl,
    pool: {
      min: 0,
      max: 2,
      afterCreate: (client: Client, done: (error: Error | null) => void) => {
        client.query(`set lock_timeout = '${TABLE_WAIT}'`).then(
          () => done(null),
          (error: unknown) => done(error as Error),
        )
      },
    },
    // What goes wrong is thrown; the caller logs it.
    log: { warn: silent, error: silent, debug: silent, deprecate: silent },
  })
  try {
    const config: Knex.MigratorConfig = { tableName: TABLE, migrationSource: source(known) }
    // Knex keeps a lock of its own in a table, which a killed process leaves behind. Ours is held: nobody else has it.
    await knex.migrate.forceFreeMigrationsLock(config)
    await knex.migrate.latest(config)
  } finally {
    await knex.destroy()
  }
}

/** Lists the steps explicitly: nothing is looked up in directories, so that it works from sources and when built. */
function source(known: readonly Migration[]): Knex.MigrationSource<Migration> {
  return {
    getMigrations: async () => [...known],
    getMigrationName: (migration) => migration.name,
    getMigration: async (migration) => ({
      up: (knex: Knex) => migration.up(knex),
      down: () => Promise.reject(new Error('migrations go forward only')),
    }),
  }
}
