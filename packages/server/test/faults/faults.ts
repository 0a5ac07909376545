import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom, ServerProcess } from '@hearth/test-kit'

/** What can be done to a server with its own PostgreSQL. Each is over when what it ended is started again. */
export const faults = {
  /** The server's process is killed. PostgreSQL stays, and finishes what it was asked for. */
  async server(server: ServerProcess) {
    await server.kill()
    await server.launch()
  },
  /** PostgreSQL is killed under the server, which has to start it again. */
  async postgres(server: ServerProcess) {
    server.killPostgres()
  },
  /** Only PostgreSQL's main process is killed: the others finish what they were asked for. */
  async postmaster(server: ServerProcess) {
    server.killPostmaster()
  },
  /** Everything is killed at once. */
  async everything(server: ServerProcess) {
    await server.killAll()
    await server.launch()
  },
  /** One of PostgreSQL's sessions is killed: PostgreSQL cuts off all others and recovers. */
  async session(server: ServerProcess) {
    await server.killSession()
  },
  /** The server is killed, and once more while it starts. */
  async twice(server: ServerProcess, random: SeededRandom) {
    await server.kill()
    server.spawn()
    await sleep(random.below(2_000))
    if (server.isRunning) await server.killAll()
    await server.launch()
  },
  /** PostgreSQL is killed, and the server while it starts another. */
  async postgresFirst(server: ServerProcess, random: SeededRandom) {
    server.killPostgres()
    await sleep(random.below(600))
    await server.kill()
    await server.launch()
  },
  /** The server is asked to stop, in the middle of it all. */
  async stop(server: ServerProcess) {
    await server.terminate()
    await server.launch()
  },
} as const

export type FaultName = keyof typeof faults
