// Starts one PostgreSQL server with an empty database as Hearth wants it, prints its URL, and stops on SIGTERM.
// When: scripts/community.sh runs it; by hand wherever an external database is to be tried without installing one.
// Example: node --conditions=source scripts/start-postgres.ts --directory /tmp/postgres
import { parseArgs } from 'node:util'
import { createLogger } from '../packages/runtime/src/index.ts'
import { EmbeddedPostgres } from '../packages/store/src/embedded/embedded-postgres.ts'
import { createDatabase, withDatabase } from '../packages/store/src/index.ts'

const { values } = parseArgs({ options: { directory: { type: 'string' } } })
const { directory } = values
if (directory === undefined) throw new Error('--directory is missing: where the database goes')

const stopped = new Promise((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve))
// Waiting for a signal alone does not keep a process.
const alive = setInterval(() => undefined, 60_000)
const postgres = await EmbeddedPostgres.start({ dataDirectory: directory, logger: createLogger({ level: 'warn' }) })
try {
  await createDatabase(postgres.url, 'community')
  console.log(withDatabase(postgres.url, 'community'))
  await stopped
} finally {
  clearInterval(alive)
  await postgres.stop()
}
