// Starts one Synapse process with a PostgreSQL of its own, prints where it is as one line of JSON, and stops on SIGTERM.
// When: `npm run bench -- --compare synapse` and scripts/community.sh run it; by hand to try something against the reference
// implementation. With --certificate and --private-key it serves others by HTTPS on the port of its --server-name.
// Example: node --conditions=source scripts/start-synapse.ts --directory /tmp/synapse
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createLogger } from '../packages/runtime/src/index.ts'
import { EmbeddedPostgres } from '../packages/store/src/embedded/embedded-postgres.ts'
import { SynapseServer } from '../packages/test-kit/src/interop/synapse-server.ts'

const { values } = parseArgs({
  options: {
    directory: { type: 'string' },
    'server-name': { type: 'string' },
    'ca-file': { type: 'string' },
    certificate: { type: 'string' },
    'private-key': { type: 'string' },
  },
})
const { directory, certificate: certificateFile, 'private-key': privateKeyFile } = values
if (directory === undefined) throw new Error('--directory is missing: where the database, the keys and the log go')

const port = Number(values['server-name']?.split(':')[1])
const tls = certificateFile && privateKeyFile && port ? { port, certificateFile, privateKeyFile } : undefined

const stopped = new Promise((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve))
await mkdir(directory, { recursive: true })
const postgres = await EmbeddedPostgres.start({ dataDirectory: directory, logger: createLogger({ level: 'warn' }) })
try {
  await using synapse = await SynapseServer.start({
    directory: join(directory, 'synapse'),
    databaseUrl: postgres.url,
    ...(values['server-name'] && { serverName: values['server-name'] }),
    ...(values['ca-file'] && { federation: { caFile: values['ca-file'], ...(tls && { tls }) } }),
  })
  const { url, pid, registrationSecret } = synapse
  console.log(JSON.stringify({ url, pid, registrationSecret, databaseUrl: postgres.url }))
  await stopped
} finally {
  await postgres.stop()
}
