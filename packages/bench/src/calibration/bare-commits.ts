import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { timed } from '../load/concurrency.ts'

const insertsAltogether = 4000
const rowBytes = 850

/**
 * How many single-row inserts with a commit each the database server takes, through `psql` in a schema that is dropped
 * afterwards.
 */
export async function commitsPerSecond(databaseUrl: string, connections: number): Promise<number> {
  const table = 'hearth_calibration.events'
  await psql(
    databaseUrl,
    `create schema hearth_calibration; create table ${table} (nid bigint generated always as identity primary key, json text)`,
  )
  try {
    const inserts = insertsAltogether / connections
    const script = `insert into ${table} (json) values ('${'x'.repeat(rowBytes)}');\n`.repeat(inserts)
    const duration = await timed(() =>
      Promise.all(Array.from({ length: connections }, () => psql(databaseUrl, script))),
    )
    return insertsAltogether / (duration / 1000)
  } finally {
    await psql(databaseUrl, 'drop schema hearth_calibration cascade')
  }
}

async function psql(databaseUrl: string, script: string): Promise<void> {
  const child = spawn('psql', ['-Xq', '-v', 'ON_ERROR_STOP=1', databaseUrl], { stdio: ['pipe', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  child.stdin.end(script)
  const [status] = (await once(child, 'close')) as [number]
  if (status !== 0) throw new Error(`psql: ${errors.trim()}`)
}
