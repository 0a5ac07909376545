import type { Client } from 'pg'
import { Client as PgClient } from 'pg'
import { CONNECT_TIMEOUT_MS } from '../connection/client-config.ts'

/** One table of a backup: a file of gzipped lines, each a row as PostgreSQL writes it, as a JSON string. */
export interface BackedUpTable {
  readonly name: string
  readonly rows: number
  /** Of the file, in hex. */
  readonly sha256: string
}

/** What a backup of a database holds; the file `database.json` of its directory. */
export interface BackupManifest {
  readonly format: 1
  readonly serverName: string
  /** Milliseconds since 1970. */
  readonly createdTs: number
  /** The steps that had made the schema, in order. */
  readonly migrations: readonly string[]
  readonly tables: readonly BackedUpTable[]
  /** How far each sequence had come. */
  readonly sequences: Readonly<Record<string, string>>
  /** Media are referred to: how many files belong to the backup, and how much they are. */
  readonly media: { readonly files: number; readonly bytes: number }
}

export const MANIFEST = 'database.json'
/** Who does what just now: of the running processes, not of the deployment. */
export const leftOut: readonly string[] = ['leases', 'processes', 'schema_migrations', 'schema_migrations_lock']

/** The name of a table's file in the directory. */
export function fileOf(table: string): string {
  return `${table}.rows.gz`
}

/** A connection without a limit for statements: tables may be large. The network's death is noticed. */
export function backupClient(url: string): Client {
  const client = new PgClient({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'hearth backup',
  })
  client.on('error', () => undefined)
  return client
}

/** A backup that cannot be made, or cannot be restored here. The message says why. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
}
