import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, Database, dropDatabase, migrate, UnsuitableDatabase, withDatabase } from '../src/index.ts'
import { collectingLogger } from './fixtures/quiet-logger.ts'

let testDatabase: TestDatabase
let database: Database
const created: string[] = []

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = await Database.open({ url: testDatabase.url, logger: collectingLogger() })
})

afterAll(async () => {
  await database.close()
  for (const name of created) await dropDatabase(testDatabase.url, name)
  await testDatabase.drop()
})

async function databaseWith(options: string): Promise<string> {
  const name = `${new URL(testDatabase.url).pathname.slice(1)}_${created.length}`
  created.push(name)
  await database.execute(null, `create database ${name} template template0 ${options}`)
  return withDatabase(testDatabase.url, name)
}

const open = (url: string): Promise<Database> => Database.open({ url, logger: collectingLogger() })

describe('a database', () => {
  it('whose collation is not C is refused, with the way to make a right one', async () => {
    const url = await databaseWith(`encoding 'UTF8' locale_provider icu icu_locale 'en' lc_collate 'C' lc_ctype 'C'`)
    const refusal = open(url)
    await expect(refusal).rejects.toBeInstanceOf(UnsuitableDatabase)
    await expect(refusal).rejects.toThrow('collation "en"')
    await expect(refusal).rejects.toThrow('createdb --encoding=UTF8 --locale=C --template=template0')
    await expect(refusal).rejects.toThrow(`LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`)
    await expect(migrate(url)).rejects.toBeInstanceOf(UnsuitableDatabase)
  })

  it('whose encoding is not UTF-8 is refused', async () => {
    const url = await databaseWith(`encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'`)
    await expect(open(url)).rejects.toThrow('encoding SQL_ASCII')
  })

  it('made by Hearth, or as the refusal says, is accepted', async () => {
    const name = `${new URL(testDatabase.url).pathname.slice(1)}_own`
    created.push(name)
    await createDatabase(testDatabase.url, name)
    const own = await open(withDatabase(testDatabase.url, name))
    expect(own.server).toMatchObject({ databaseName: name, majorVersion: database.server.majorVersion })
    await own.close()
  })

  it('that does not exist is an error at once', async () => {
    await expect(open(withDatabase(testDatabase.url, 'no_such_database'))).rejects.toMatchObject({ code: '3D000' })
  })
})
