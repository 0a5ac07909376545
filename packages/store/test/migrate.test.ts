import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createDatabase,
  Database,
  dropDatabase,
  migrate,
  Store,
  UnsuitableDatabase,
  withDatabase,
} from '../src/index.ts'
import { migrations } from '../src/migrations/index.ts'
import type { Migration } from '../src/migrations/migration.ts'
import { collectingLogger } from './fixtures/quiet-logger.ts'

let migrated: TestDatabase
let emptyName: string
let emptyUrl: string

beforeEach(async () => {
  migrated = await createTestDatabase()
  emptyName = `${new URL(migrated.url).pathname.slice(1)}_empty`
  await createDatabase(migrated.url, emptyName)
  emptyUrl = withDatabase(migrated.url, emptyName)
})

afterEach(async () => {
  await dropDatabase(migrated.url, emptyName)
  await migrated.drop()
})

async function rowsOf(url: string, text: string): Promise<object[]> {
  const database = await Database.open({ url, logger: collectingLogger() })
  try {
    return await database.query(null, text)
  } finally {
    await database.close()
  }
}

const names = migrations.map(({ name }) => name)
const step = (name: string, statement: string): Migration => ({
  name,
  up: async (knex) => {
    await knex.raw(statement)
  },
})

describe('migrate', () => {
  it('brings an empty database to the newest schema, and has nothing to do the second time', async () => {
    expect(await migrate(emptyUrl)).toEqual(names)
    expect(await migrate(emptyUrl)).toEqual([])
    expect(await rowsOf(emptyUrl, 'select pos from stream_head')).toEqual([{ pos: 0 }])
  })

  it('keeps nobody waiting behind it for a table that somebody else holds for long', async () => {
    await migrate(emptyUrl)
    const database = await Database.open({ url: emptyUrl, logger: collectingLogger() })
    try {
      const held = Promise.withResolvers<void>()
      const released = Promise.withResolvers<void>()
      const backup = database.transaction(async (tx) => {
        await tx.query(null, 'lock table jobs in access share mode')
        held.resolve()
        await released.promise
      })
      await held.promise
      const change = step('9999-change', 'alter table jobs add column changed int')
      const migrating = migrate(emptyUrl, { migrations: [...migrations, change] })
      const waiting = `select 1 from pg_locks where relation = 'jobs'::regclass and not granted`
      await expect.poll(() => database.query(null, waiting), { timeout: 60_000 }).toHaveLength(1)
      // Comes behind the step, and gets what it asks for although the backup goes on.
      expect(await database.query(null, 'select from jobs')).toEqual([])
      released.resolve()
      await backup
      expect(await migrating).toEqual(['9999-change'])
    } finally {
      await database.close()
    }
  })

  it('numbers its steps without gaps and without repeating one', () => {
    expect(names).toEqual([...names].sort())
    expect(new Set(names).size).toBe(names.length)
  })

  it('lets processes that start together wait for one another', async () => {
    const applied = await Promise.all(Array.from({ length: 4 }, () => migrate(emptyUrl)))
    expect(applied.flat()).toEqual(names)
  })

  it('applies only the steps that are missing', async () => {
    const known = [...migrations, step('9000-more', 'create table more (id int)')]
    await migrate(emptyUrl)
    expect(await migrate(emptyUrl, { migrations: known })).toEqual(['9000-more'])
  })

  it('refuses a database that a newer version has used, and changes nothing in it', async () => {
    const known = [...migrations, step('9000-more', 'create table more (id int)')]
    await migrate(emptyUrl, { migrations: known })
    const refusal = migrate(emptyUrl)
    await expect(refusal).rejects.toBeInstanceOf(UnsuitableDatabase)
    await expect(refusal).rejects.toThrow('newer version of Hearth (unknown to this one: 9000-more)')
    await expect(Store.open({ url: emptyUrl, logger: collectingLogger() })).rejects.toBeInstanceOf(UnsuitableDatabase)
  })

  it('leaves the database as it was when a step fails', async () => {
    await migrate(emptyUrl)
    const more = step('9000-more', 'create table more (id int)')
    const bad = step('9001-bad', 'create table bad (id int); select 1 / 0')
    await expect(migrate(emptyUrl, { migrations: [...migrations, more, bad] })).rejects.toThrow('division by zero')
    expect(await rowsOf(emptyUrl, `select to_regclass('more') as more, to_regclass('bad') as bad`)).toEqual([
      { more: null, bad: null },
    ])
    expect(await migrate(emptyUrl)).toEqual([])
  })

  it('is not held up by a process that was killed while it migrated', async () => {
    await migrate(emptyUrl)
    await rowsOf(emptyUrl, 'update schema_migrations_lock set is_locked = 1')
    const known = [...migrations, step('9000-more', 'create table more (id int)')]
    expect(await migrate(emptyUrl, { migrations: known })).toEqual(['9000-more'])
  })
})

describe('the deployment', () => {
  it('keeps the server name of its first start', async () => {
    const store = await Store.open({ url: migrated.url, logger: collectingLogger() })
    try {
      expect(await store.deployment.serverName()).toBeUndefined()
      await store.deployment.claim('one.example', 1)
      await store.deployment.claim('one.example', 2)
      await expect(store.deployment.claim('two.example', 3)).rejects.toThrow('belongs to the server "one.example"')
      expect(await store.deployment.serverName()).toBe('one.example')
    } finally {
      await store.close()
    }
  })

  it('is not claimed by a transaction that is rolled back', async () => {
    const store = await Store.open({ url: migrated.url, logger: collectingLogger() })
    try {
      const claim = store.transaction(async (tx) => {
        await tx.deployment.claim('one.example', 1)
        throw new Error('no')
      })
      await expect(claim).rejects.toThrow('no')
      expect(await store.deployment.serverName()).toBeUndefined()
    } finally {
      await store.close()
    }
  })
})
