import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { escapeIdentifier, type Client } from 'pg'
import {
  backupClient,
  BackupError,
  fileOf,
  leftOut,
  MANIFEST,
  type BackedUpTable,
  type BackupManifest,
} from './backup-format.ts'

const ROWS_AT_A_TIME = 500

/**
 * Writes a database into an empty directory, as of one moment and while it is used. Nothing of a table is kept in memory but
 * some rows. The manifest is written last: a directory without one is no backup.
 *
 * @param now milliseconds since 1970
 * @throws BackupError for a database that no server has used
 */
export async function backUpDatabase(url: string, directory: string, now: number): Promise<BackupManifest> {
  const client = backupClient(url)
  try {
    await client.connect()
    // Every statement of it sees what had been committed when it began.
    await client.query('begin isolation level repeatable read read only')
    await client.query(`set local bytea_output = 'hex'; set local extra_float_digits = 1`)
    const names = await tableNames(client)
    const serverName = names.includes('deployment') ? await serverNameOf(client) : undefined
    if (serverName === undefined) throw new BackupError('there is nothing to back up: no server has used this database')
    const tables: BackedUpTable[] = []
    for (const name of names.filter((each) => !leftOut.includes(each))) tables.push(await dump(client, name, directory))
    const migrations = await client.query<{ name: string }>('select name from schema_migrations order by id')
    const manifest: BackupManifest = {
      format: 1,
      serverName,
      createdTs: now,
      migrations: migrations.rows.map(({ name }) => name),
      tables,
      // They are of no transaction: what they gave out meanwhile does no harm.
      sequences: await sequences(client),
      media: names.includes('media_blobs') ? await mediaOf(client) : { files: 0, bytes: 0 },
    }
    await client.query('commit')
    await writeWhole(join(directory, MANIFEST), JSON.stringify(manifest, null, 2))
    return manifest
  } finally {
    await client.end()
  }
}

async function tableNames(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = current_schema() order by tablename`,
  )
  return rows.map(({ name }) => name)
}

async function serverNameOf(client: Client): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>('select server_name as name from deployment')
  return rows[0]?.name
}

async function dump(client: Client, name: string, directory: string): Promise<BackedUpTable> {
  let rows = 0
  const hash = createHash('sha256')
  const lines = async function* (): AsyncGenerator<string> {
    await client.query(`declare backup no scroll cursor for select t::text as row from ${escapeIdentifier(name)} t`)
    for (;;) {
      const page = await client.query<{ row: string }>(`fetch ${ROWS_AT_A_TIME} from backup`)
      if (page.rows.length === 0) break
      rows += page.rows.length
      yield page.rows.map(({ row }) => `${JSON.stringify(row)}\n`).join('')
    }
    await client.query('close backup')
  }
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  const file = createWriteStream(join(directory, fileOf(name)), { flags: 'wx', mode: 0o600, flush: true })
  await pipeline(Readable.from(lines()), createGzip({ level: 3 }), hashing, file)
  return { name, rows, sha256: hash.digest('hex') }
}

async function sequences(client: Client): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; value: string }>(
    `select sequencename as name, coalesce(last_value, start_value)::text as value
       from pg_sequences where schemaname = current_schema() and sequencename not like 'schema_migrations%'`,
  )
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
}

async function mediaOf(client: Client): Promise<{ files: number; bytes: number }> {
  const { rows } = await client.query<{ files: string; bytes: string }>(
    'select count(*) as files, coalesce(sum(size), 0) as bytes from media_blobs',
  )
  return { files: Number(rows[0]?.files), bytes: Number(rows[0]?.bytes) }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}
