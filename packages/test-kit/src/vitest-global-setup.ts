import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
import { startTestPostgres, type RunningPostgres } from './start-test-postgres.ts'

/**
 * Gives the test run one PostgreSQL server. It is started when the first test asks for a database, so that runs without
 * database tests do not wait for it.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let running: Promise<RunningPostgres> | undefined
  const answers = createServer((_request, response) => {
    running ??= startTestPostgres()
    running.then(
      ({ server }) => response.end(JSON.stringify(server.deps)),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    )
  })
  answers.listen(0, '127.0.0.1')
  await once(answers, 'listening')
  project.provide('testPostgresUrl', `http://127.0.0.1:${(answers.address() as AddressInfo).port}/`)
  return async () => {
    answers.closeAllConnections()
    answers.close()
    await (await running?.catch(() => undefined))?.stop()
  }
}
