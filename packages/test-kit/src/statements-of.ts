import type { Database } from '@hearth/store'
import type { TestServer } from './test-server.ts'

/**
 * What the server does of itself, whoever asks: signs of life, looking for other processes' changes, jobs and events that are
 * due, consumers of the stream, sending to other servers, and clearing away what is old.
 */
const background = [
  /^(streamHead|consumerCursors|eventStream|inboundStaging\.|jobs\.|leases\.|processes\.)/,
  /^(fed\w+\.|outgoingEvents\.|roomServers\.listByRooms$)/,
  /^\w+\.list\w*ByPosition/,
  /^\w+\.(listStale|prune\w*|deleteExpired|deleteOlderThan|deleteBefore)$/,
]

const methods = ['read', 'query', 'execute'] as const

/** The names of the statements that requests cause meanwhile, but for those within transactions. */
export async function statementsOf({ store }: TestServer, work: () => Promise<unknown>): Promise<string[]> {
  const { database } = store
  const names: string[] = []
  for (const method of methods) count(database, method, names)
  try {
    await work()
  } finally {
    for (const method of methods) Reflect.deleteProperty(database, method)
  }
  return names.filter((name) => !background.some((own) => own.test(name)))
}

function count(database: Database, method: (typeof methods)[number], names: string[]): void {
  const original = database[method].bind(database) as (...args: unknown[]) => unknown
  const counting = (...args: unknown[]) => {
    names.push(String(args[0]))
    return original(...args)
  }
  Object.defineProperty(database, method, { value: counting, configurable: true })
}
