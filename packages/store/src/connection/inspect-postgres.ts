import { Client } from 'pg'
import { CONNECT_TIMEOUT_MS } from './client-config.ts'
import { checkServer, type ServerInfo } from './server-check.ts'

/** What an administrator may want to know of the PostgreSQL server that a database is on. */
export interface PostgresInspection extends ServerInfo {
  /** Its clock, in milliseconds since the epoch. */
  readonly nowMs: number
  /** Connections that roles like this one may have. */
  readonly maxConnections: number
  /** Those that something else than Hearth has. */
  readonly otherConnections: number
  /** Settings by name; sizes in bytes. */
  readonly settings: Readonly<Record<string, string>>
  /** Whose the database is, once a server has used it. */
  readonly serverName: string | undefined
}

const names = [
  'autovacuum',
  'default_transaction_isolation',
  'fsync',
  'full_page_writes',
  'shared_buffers',
  'synchronous_commit',
]

/**
 * Looks at a database's server.
 *
 * @throws UnsuitableDatabase for one that Hearth refuses
 */
export async function inspectPostgres(url: string): Promise<PostgresInspection> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: CONNECT_TIMEOUT_MS,
    application_name: 'hearth',
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const server = await checkServer(client)
    const { rows } = await client.query<{ now: number; max: number; others: number }>(
      `select extract(epoch from clock_timestamp())::float8 * 1000 as now,
              current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as max,
              (select count(*)::int from pg_stat_activity
                where backend_type = 'client backend' and application_name <> 'hearth') as others`,
    )
    const settings = await client.query<{ name: string; value: string }>(
      `select name, case unit when '8kB' then (setting::bigint * 8192)::text else setting end as value
         from pg_settings where name = any($1)`,
      [names],
    )
    const { now, max, others } = rows[0]!
    return {
      ...server,
      nowMs: now,
      maxConnections: max,
      otherConnections: others,
      settings: Object.fromEntries(settings.rows.map(({ name, value }) => [name, value])),
      serverName: await serverNameOf(client),
    }
  } finally {
    await client.end()
  }
}

async function serverNameOf(client: Client): Promise<string | undefined> {
  const { rows: tables } = await client.query<{ there: boolean }>(
    `select to_regclass('deployment') is not null as there`,
  )
  if (tables[0]?.there !== true) return undefined
  const { rows } = await client.query<{ server_name: string }>('select server_name from deployment')
  return rows[0]?.server_name
}
