import type { TestServer } from '@hearth/test-kit'
import { vi } from 'vitest'

/**
 * What the server does of itself, whoever asks: looking for other processes' changes, jobs and events that are due, consumers
 * of the stream (those that send to other servers look up who is in the rooms).
 */
const background = [
  /^(streamHead|accessTokens\.listStale|consumerCursors|eventStream|inboundStaging\.|jobs\.|leases\.|processes\.|roomServers\.listByRooms)/,
  /^\w+\.list\w*ByPosition/,
]

/** The names of the statements that requests cause meanwhile, but for those within transactions. */
export async function statementsOf(server: TestServer, work: () => Promise<unknown>): Promise<string[]> {
  const { database } = server.store
  const spies = (['read', 'query', 'execute'] as const).map((method) => vi.spyOn(database, method))
  try {
    await work()
    return spies
      .flatMap((spy) => spy.mock.calls.map(([name]) => String(name)))
      .filter((name) => !background.some((own) => own.test(name)))
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
