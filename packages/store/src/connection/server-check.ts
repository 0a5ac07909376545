import type { Client } from 'pg'
import { UnsuitableDatabase } from './errors.ts'

/** The PostgreSQL major versions that Hearth is tested with. */
export const supportedVersions = { oldest: 15, newest: 18 } as const

/** What is known about the server that a database runs on. */
export interface ServerInfo {
  readonly majorVersion: number
  readonly version: string
  readonly databaseName: string
}

interface DatabaseRow {
  version: string
  version_num: number
  name: string
  encoding: string
  provider: string
  collation: string
}

/**
 * Refuses a database that is too old, not UTF-8, or does not sort by bytes: Hearth compares text in SQL and in JavaScript
 * and keeps positions in ordered keys, and a libc or ICU update that changes a linguistic collation corrupts indexes.
 */
export async function checkServer(client: Client): Promise<ServerInfo> {
  // `datlocale` exists from version 17 on, and only there does the provider `b` (builtin) exist that needs it.
  const { rows } = await client.query<DatabaseRow>(
    `select current_setting('server_version') as version,
            current_setting('server_version_num')::int as version_num,
            datname as name,
            pg_encoding_to_char(encoding) as encoding,
            datlocprovider::text as provider,
            case when datlocprovider = 'c' then datcollate
                 else coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', datcollate) end as collation
       from pg_database d where datname = current_database()`,
  )
  const row = rows[0]!
  const majorVersion = Math.floor(row.version_num / 10_000)
  if (majorVersion < supportedVersions.oldest) {
    throw new UnsuitableDatabase(
      `PostgreSQL ${row.version} is too old: Hearth needs version ${supportedVersions.oldest} or newer`,
    )
  }
  if (!sortsByBytes(row) || row.encoding !== 'UTF8') {
    throw new UnsuitableDatabase(
      `the database "${row.name}" has encoding ${row.encoding} and collation "${row.collation}", but Hearth needs UTF8 and ` +
        `"C". Create another one with\n` +
        `  createdb --encoding=UTF8 --locale=C --template=template0 ${row.name}\n` +
        `or, in SQL,\n` +
        `  CREATE DATABASE "${row.name}" ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;`,
    )
  }
  return { majorVersion, version: row.version, databaseName: row.name }
}

function sortsByBytes({ provider, collation }: DatabaseRow): boolean {
  // All locales of the builtin provider sort by code point, which in UTF-8 is by byte.
  return provider === 'b' || (provider === 'c' && (collation === 'C' || collation === 'POSIX'))
}
