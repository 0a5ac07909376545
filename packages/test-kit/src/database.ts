import { inject } from 'vitest'
import { TestPostgres, type TestDatabase, type TestPostgresDeps } from './test-postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the test run's global setup tells how to reach its PostgreSQL server. */
    testPostgresUrl: string
  }
}

/**
 * A migrated, empty database of the caller's own, for a test file or a single test. It is a clone of a template and costs
 * some tens of milliseconds. What is not dropped goes with the test run.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const response = await fetch(inject('testPostgresUrl'))
  const text = await response.text()
  if (!response.ok) throw new Error(`no PostgreSQL for tests: ${text}`)
  return new TestPostgres(JSON.parse(text) as TestPostgresDeps).createDatabase()
}
