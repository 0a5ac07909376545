import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { FakeFederation } from '../federation/fake-federation.ts'
import type { BenchServer } from './bench-server.ts'
import { ChildServer } from './child-server.ts'

/** What an operator calls. */
export const hearthCommand = join(import.meta.dirname, '../../../../scripts/hearth')
export const startLimitMs = 60_000

/**
 * Starts Hearth as an operator would, with `scripts/hearth start` on an empty data directory and its own PostgreSQL;
 * only rate limits are off and registration is open. It is started twice, so that both starts are measured.
 */
export async function startHearth(): Promise<BenchServer> {
  const directory = await mkdtemp(join(tmpdir(), 'hearth-bench-'))
  const federation = await FakeFederation.create()
  try {
    return await startTwice(directory, federation)
  } catch (error) {
    await federation.stop()
    await rm(directory, { recursive: true, force: true })
    throw error
  }
}

async function startTwice(directory: string, federation: FakeFederation): Promise<BenchServer> {
  const dataDirectory = await makeDataDirectory(directory)
  const base = await freeUrl()
  const secret = randomBytes(24).toString('hex')
  const environment = { ...environmentOf({ dataDirectory, secret, federation }), HEARTH_LISTEN: base }
  const start = async () => {
    const startedAt = performance.now()
    const server = await ChildServer.spawn(hearthCommand, ['start'], {
      outputFile: join(directory, 'output.log'),
      environment,
    })
    await server.until(() => isServing(base), startLimitMs)
    return { server, seconds: (performance.now() - startedAt) / 1000 }
  }
  const first = await start()
  await first.server.stop()
  const later = await start()
  const version = /^.*\bready .* version=([\w.-]+)/m.exec(await later.server.output())?.[1]
  return {
    name: 'Hearth',
    ...(version !== undefined && { version }),
    base,
    pid: later.server.pid,
    databaseUrl: `postgresql://hearth@localhost/hearth?host=${encodeURIComponent(join(dataDirectory, 'postgres'))}`,
    registration: { secret },
    starts: { first: first.seconds, later: later.seconds },
    federation,
    stop: async () => {
      await later.server.stop()
      await federation.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** A data directory with what cannot be said by the environment: that there are no notaries. */
export async function makeDataDirectory(directory: string): Promise<string> {
  const dataDirectory = join(directory, 'data')
  await mkdir(dataDirectory, { mode: 0o700 })
  await writeFile(join(dataDirectory, 'hearth.yaml'), 'federation: { notaries: [] }\n')
  return dataDirectory
}

/** What every server that is measured is told. */
export function environmentOf(deps: {
  readonly dataDirectory: string
  readonly secret: string
  readonly federation: FakeFederation
}): Record<string, string> {
  return {
    HEARTH_DATA_DIR: deps.dataDirectory,
    HEARTH_RATE_LIMITS_ENABLED: 'false',
    HEARTH_REGISTRATION_MODE: 'open',
    HEARTH_REGISTRATION_SHARED_SECRET: deps.secret,
    HEARTH_NETWORK_CA_FILE: deps.federation.caFile,
    HEARTH_NETWORK_ALLOW_PRIVATE_ADDRESSES: 'true',
  }
}

export async function isServing(base: string): Promise<true | undefined> {
  const response = await fetch(`${base}/health`).catch(() => undefined)
  return response?.ok ? true : undefined
}

/** A URL of this machine that nothing listens on. */
export async function freeUrl(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}
