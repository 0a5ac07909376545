import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, Database, describeSchema, dropDatabase, withDatabase } from '../src/index.ts'
import { collectingLogger } from './fixtures/quiet-logger.ts'

let testDatabase: TestDatabase
let emptyName: string
let committed: string

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  emptyName = `${new URL(testDatabase.url).pathname.slice(1)}_empty`
  committed = await readFile(new URL('../schema.sql', import.meta.url), 'utf8')
})

afterAll(async () => {
  await dropDatabase(testDatabase.url, emptyName)
  await testDatabase.drop()
})

async function schemaOf(url: string, first?: string): Promise<string> {
  const database = await Database.open({ url, logger: collectingLogger() })
  try {
    if (first !== undefined) await database.query(null, first)
    return await describeSchema(database)
  } finally {
    await database.close()
  }
}

describe('schema.sql', () => {
  it('is what the migrations make, on every version of PostgreSQL', async () => {
    expect(committed).toContain(await schemaOf(testDatabase.url))
  })

  it('makes that schema itself', async () => {
    await createDatabase(testDatabase.url, emptyName)
    expect(committed).toContain(await schemaOf(withDatabase(testDatabase.url, emptyName), committed))
  })
})

describe('describeSchema', () => {
  it('refuses what it cannot describe', async () => {
    await using database = await createTestDatabase()
    await expect(schemaOf(database.url, 'create view numbers as select 1 as one')).rejects.toThrow(
      'to describe numbers',
    )
  })
})
