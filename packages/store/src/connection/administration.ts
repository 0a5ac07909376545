import { Client, escapeIdentifier } from 'pg'
import { CONNECT_TIMEOUT_MS } from './client-config.ts'

/** The URL of another database on the same server. */
export function withDatabase(url: string, name: string): string {
  const other = new URL(url)
  other.pathname = `/${encodeURIComponent(name)}`
  return other.href
}

/**
 * Creates a database as Hearth needs it (UTF-8, sorted by bytes), or a clone of `template`. `serverUrl` names any database
 * of the server, of a role that may create databases.
 */
export async function createDatabase(serverUrl: string, name: string, template?: string): Promise<void> {
  const source =
    template === undefined
      ? `template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`
      : `template ${escapeIdentifier(template)}`
  // Copying files is several times faster than logging their pages, as long as the template is small.
  const statement = `create database ${escapeIdentifier(name)} ${source} strategy file_copy`
  await onServer(serverUrl, (client) => client.query(statement))
}

/** Drops a database if it exists, ending its sessions. */
export async function dropDatabase(serverUrl: string, name: string): Promise<void> {
  await onServer(serverUrl, (client) => client.query(`drop database if exists ${escapeIdentifier(name)} with (force)`))
}

/** The names of the server's databases. */
export async function listDatabases(serverUrl: string): Promise<string[]> {
  const { rows } = await onServer(serverUrl, (client) =>
    client.query<{ datname: string }>('select datname from pg_database order by datname'),
  )
  return rows.map((row) => row.datname)
}

async function onServer<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end()
  }
}
