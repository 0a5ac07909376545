import { readFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { Client } from 'pg'
import { CONNECT_TIMEOUT_MS } from '../connection/client-config.ts'
import { EMBEDDED_NAME } from './cluster.ts'
import { socketUrl } from './embedded-postgres.ts'

/** Where the embedded database of a data directory is reached while another process runs it; undefined when none does. */
export async function runningEmbedded(dataDirectory: string): Promise<string | undefined> {
  const cluster = join(dataDirectory, 'postgres')
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => undefined)
  // The fifth line: where the socket is, as the server was told.
  const socket = text?.split('\n')[4]
  if (socket === undefined || socket === '') return undefined
  const url = socketUrl(isAbsolute(socket) ? socket : cluster, EMBEDDED_NAME)
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
