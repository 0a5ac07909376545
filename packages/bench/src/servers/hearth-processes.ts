import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RedisServer, startTestPostgres } from '@hearth/test-kit'

import { FakeFederation } from '../federation/fake-federation.ts'
import type { BenchServer } from './bench-server.ts'
import { ChildServer } from './child-server.ts'
import { environmentOf, freeUrl, hearthCommand, isServing, makeDataDirectory, startLimitMs } from './hearth-server.ts'

/**
 * Starts so many identical processes of one Hearth, as a community would that has several: on one PostgreSQL, one Redis and
 * one data directory. One process is started in the same way, so that it can be compared with two.
 */
export async function startHearthProcesses(count: number): Promise<BenchServer> {
  const stack = new AsyncDisposableStack()
  try {
    return await start(count, stack)
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

async function start(count: number, stack: AsyncDisposableStack): Promise<BenchServer> {
  const directory = await mkdtemp(join(tmpdir(), 'hearth-bench-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const federation = await FakeFederation.create()
  stack.defer(() => federation.stop())
  const postgres = await startTestPostgres({ durable: true })
  stack.defer(() => postgres.stop())
  const database = await postgres.server.createDatabase()
  const redis = stack.use(await RedisServer.start())
  const secret = randomBytes(24).toString('hex')
  const shared = {
    ...environmentOf({ dataDirectory: await makeDataDirectory(directory), secret, federation }),
    HEARTH_DATABASE_URL: database.url,
    HEARTH_REDIS_URL: redis.url,
  }
  const processes: { readonly base: string; readonly server: ChildServer }[] = []
  // The first one makes the key that all sign with.
  for (let number = 1; number <= count; number += 1) {
    const base = await freeUrl()
    const server = await ChildServer.spawn(hearthCommand, ['start'], {
      outputFile: join(directory, `output-${number}.log`),
      environment: { ...shared, HEARTH_LISTEN: base },
    })
    stack.defer(() => server.stop())
    await server.until(() => isServing(base), startLimitMs)
    processes.push({ base, server })
  }
  const [first, ...others] = processes as [(typeof processes)[0]]
  return {
    name: `Hearth × ${count}`,
    base: first.base,
    otherBases: others.map(({ base }) => base),
    pid: first.server.pid,
    databaseUrl: database.url,
    registration: { secret },
    federation,
    stop: () => stack.disposeAsync(),
  }
}
