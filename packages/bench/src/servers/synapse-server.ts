import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { FakeFederation } from '../federation/fake-federation.ts'
import type { BenchServer } from './bench-server.ts'
import { ChildServer } from './child-server.ts'

const program = fileURLToPath(new URL('../../../../scripts/start-synapse.ts', import.meta.url))
/** Installing it for the first time takes a minute. */
const startLimitMs = 600_000

/** What the script prints once Synapse serves. */
interface Ready {
  readonly url: string
  readonly pid: number
  readonly registrationSecret: string
  readonly databaseUrl: string
}

/** Starts one Synapse process on a PostgreSQL of its own, the same one that Hearth ships. */
export async function startSynapse(): Promise<BenchServer> {
  const directory = await mkdtemp(join(tmpdir(), 'hearth-bench-synapse-'))
  const federation = await FakeFederation.create()
  const server = await ChildServer.spawn(
    process.execPath,
    ['--conditions=source', program, '--directory', join(directory, 'data'), '--ca-file', federation.caFile],
    { outputFile: join(directory, 'output.log') },
  )
  const ready = await server
    .until(() => readyLine(server), startLimitMs)
    .catch(async (error: unknown) => {
      await federation.stop()
      await rm(directory, { recursive: true, force: true })
      throw error
    })
  return {
    name: 'Synapse',
    base: ready.url,
    pid: ready.pid,
    databaseUrl: ready.databaseUrl,
    registration: { secret: ready.registrationSecret },
    federation,
    stop: async () => {
      await server.stop()
      await federation.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function readyLine(server: ChildServer): Promise<Ready | undefined> {
  const line = (await server.output()).split('\n').find((text) => text.startsWith('{"url"'))
  return line === undefined ? undefined : (JSON.parse(line) as Ready)
}
