import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { escapeIdentifier, type Client } from 'pg'
import { migrations as allMigrations } from '../migrations/index.ts'
import { migrate } from '../migrations/migrate.ts'
import { backupClient, BackupError, fileOf, leftOut, MANIFEST, type BackupManifest } from './backup-format.ts'

const BATCH_CHARACTERS = 4 * 1024 * 1024
/**
 * What the lost time may have given out, and more: positions are known to clients and other servers, who would take one that
 * comes again for what they have seen. Positions stay below 2^40, which leaves room for a thousand restorations.
 */
const POSITIONS_SKIPPED = 2 ** 30
/** Ids of filters, devices and jobs, for the same reason. */
const NUMBERS_SKIPPED = 1_000_000

/**
 * Reads a backup's manifest and checks every file against it.
 *
 * @throws BackupError for a directory that is no backup, or a damaged one
 */
export async function verifyBackup(directory: string): Promise<BackupManifest> {
  const text = await readFile(join(directory, MANIFEST), 'utf8').catch(() => undefined)
  if (text === undefined)
    throw new BackupError(`${directory} is no backup, or one that was not finished: it has no ${MANIFEST}`)
  const manifest = JSON.parse(text) as BackupManifest
  if ((manifest as { format: unknown }).format !== 1) {
    throw new BackupError(`${directory} was written by a newer version of Hearth: restore it with that one`)
  }
  for (const { name, sha256 } of manifest.tables) {
    const hash = createHash('sha256')
    try {
      await pipeline(createReadStream(join(directory, fileOf(name))), hash)
    } catch (error) {
      throw new BackupError(`${fileOf(name)} of the backup cannot be read`, { cause: error })
    }
    if (hash.digest('hex') !== sha256) throw new BackupError(`${fileOf(name)} of the backup is damaged`)
  }
  return manifest
}

/**
 * Fills an empty database from a backup, all or nothing. The schema is that of the backup; the next start brings it up to date.
 *
 * @throws BackupError for a database that is not empty, a damaged backup, or one of a newer version
 */
export async function restoreDatabase(url: string, directory: string): Promise<BackupManifest> {
  const manifest = await verifyBackup(directory)
  const unknown = manifest.migrations.filter((name) => !allMigrations.some((known) => known.name === name))
  if (unknown.length > 0) {
    throw new BackupError(`the backup is of a newer version of Hearth (unknown to this one: ${unknown.join(', ')})`)
  }
  const client = backupClient(url)
  try {
    await client.connect()
    await refuseUsed(client)
    await migrate(url, { migrations: allMigrations.filter(({ name }) => manifest.migrations.includes(name)) })
    await client.query('begin')
    await fill(client, manifest, directory)
    await client.query('commit')
    await client.query('analyze')
    return manifest
  } finally {
    await client.end()
  }
}

/** Tables there may be, as an attempt leaves them that failed, but nobody's. */
async function refuseUsed(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    'select tablename as name from pg_tables where schemaname = current_schema()',
  )
  if (rows.length === 0) return
  const own = rows.some(({ name }) => name === 'deployment') && rows.some(({ name }) => name === 'schema_migrations')
  const used = own ? await client.query('select from deployment') : undefined
  if (used?.rowCount === 0) return
  throw new BackupError('the database is not empty: a backup is restored into an empty one only')
}

async function fill(client: Client, manifest: BackupManifest, directory: string): Promise<void> {
  const tables = manifest.tables.map(({ name }) => escapeIdentifier(name))
  const constraints = await foreignKeys(client)
  for (const { table, name } of constraints) await client.query(`alter table ${table} drop constraint ${name}`)
  await client.query(`truncate ${tables.join(', ')}`)
  for (const table of tables) await client.query(`alter table ${table} disable trigger user`)
  for (const { name, rows } of manifest.tables) {
    const filled = await fillTable(client, name, join(directory, fileOf(name)))
    if (filled !== rows) throw new BackupError(`${fileOf(name)} has ${filled} rows instead of ${rows}`)
  }
  for (const table of tables) await client.query(`alter table ${table} enable trigger user`)
  for (const { table, name, definition } of constraints) {
    await client.query(`alter table ${table} add constraint ${name} ${definition}`)
  }
  for (const [name, value] of Object.entries(manifest.sequences)) {
    await client.query('select setval($1::regclass, $2)', [
      escapeIdentifier(name),
      String(Number(value) + NUMBERS_SKIPPED),
    ])
  }
  await client.query('update stream_head set pos = pos + $1', [POSITIONS_SKIPPED])
}

async function foreignKeys(client: Client): Promise<{ table: string; name: string; definition: string }[]> {
  const { rows } = await client.query<{ table: string; name: string; definition: string }>(
    `select conrelid::regclass::text as "table", quote_ident(conname) as name, pg_get_constraintdef(oid) as definition
       from pg_constraint where contype = 'f' and connamespace = current_schema()::regnamespace`,
  )
  return rows
}

async function fillTable(client: Client, name: string, path: string): Promise<number> {
  if (leftOut.includes(name)) throw new BackupError(`${name} does not belong into a backup`)
  const table = escapeIdentifier(name)
  const lines = createInterface({ input: createReadStream(path).pipe(createGunzip()), crlfDelay: Infinity })
  let filled = 0
  let batch: string[] = []
  let size = 0
  const insert = async (): Promise<void> => {
    const text = `insert into ${table} overriding system value select * from unnest($1::${table}[])`
    if (batch.length > 0) await client.query(text, [batch])
    filled += batch.length
    batch = []
    size = 0
  }
  for await (const line of lines) {
    const row = JSON.parse(line) as string
    batch.push(row)
    size += row.length
    if (size >= BATCH_CHARACTERS) await insert()
  }
  await insert()
  return filled
}
