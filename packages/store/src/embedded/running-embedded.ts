import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { CONNECT_TIMEOUT_MS } from '../connection/client-config.ts'
import { EMBEDDED_NAME } from './cluster.ts'
import { socketUrl } from './embedded-postgres.ts'
import { SOCKET_NAME } from './socket-directory.ts'

/** Where the embedded database of a data directory is reached while another process runs it; undefined when none does. */
export async function runningEmbedded(dataDirectory: string): Promise<string | undefined> {
  const cluster = join(dataDirectory, 'postgres')
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  // The fifth line says where the socket is, unless it is in the cluster itself.
  const elsewhere = text.split('\n')[4] ?? ''
  const inside = await stat(join(cluster, SOCKET_NAME)).catch(() => undefined)
  const url = socketUrl(inside ? cluster : elsewhere, EMBEDDED_NAME)
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return url
  } catch {
    return undefined
  } finally {
    await client.end().catch(() => undefined)
  }
}
