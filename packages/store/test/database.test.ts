import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database, DatabaseUnavailable, isSqlError, sqlState } from '../src/index.ts'
import { collectingLogger } from './fixtures/quiet-logger.ts'

let testDatabase: TestDatabase
let database: Database

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = await Database.open({ url: testDatabase.url, logger: collectingLogger(), statementTimeoutMs: 1_000 })
  await database.execute(null, 'create table numbers (id int primary key, value bigint not null)')
  await database.execute(null, 'insert into numbers values (1, 10), (2, 20)')
})

afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

async function openPatient(): Promise<{ database: Database; [Symbol.asyncDispose](): Promise<void> }> {
  const patient = await Database.open({ url: testDatabase.url, logger: collectingLogger() })
  return { database: patient, [Symbol.asyncDispose]: () => patient.close() }
}

const valueOf = async (id: number): Promise<number | undefined> =>
  (await database.read<{ value: number }>('test.valueOf', 'select value from numbers where id = $1', [id]))[0]?.value

describe('values', () => {
  it('bigint columns are numbers, in arrays too', async () => {
    const text = `select 9007199254740991::bigint as n, array[1, null, -2]::bigint[] as list, '{}'::bigint[] as none`
    for (const rows of [await database.read(null, text), await database.query(null, text)]) {
      expect(rows).toEqual([{ n: 9007199254740991, list: [1, null, -2], none: [] }])
    }
  })

  it('a bigint that a number cannot hold is an error, not a rounded value', async () => {
    await expect(database.read(null, 'select 9007199254740993::bigint as n')).rejects.toThrow('9007199254740993')
    await expect(database.query(null, 'select array[9007199254740993]::bigint[] as n')).rejects.toThrow(RangeError)
    expect(await valueOf(1)).toBe(10)
  })

  it('buffers become bytea and arrays become arrays', async () => {
    const rows = await database.read('test.values', 'select $1::bytea as bytes, $2::text[] as texts', [
      Buffer.from([0, 255]),
      ['a"b', 'c,d', '{}'],
    ])
    expect(rows).toEqual([{ bytes: Buffer.from([0, 255]), texts: ['a"b', 'c,d', '{}'] }])
  })
})

describe('statements', () => {
  it('many reads run at once on one connection, and a failing one does not disturb its neighbors', async () => {
    const answers = await Promise.allSettled(
      Array.from({ length: 300 }, (_, i) =>
        database.read<{ n: number; pid: number }>('test.divide', 'select 60 / $1::int as n, pg_backend_pid() as pid', [
          i % 3,
        ]),
      ),
    )
    const pids = new Set<number>()
    for (const [i, answer] of answers.entries()) {
      if (i % 3 === 0) {
        expect(answer).toMatchObject({ status: 'rejected', reason: { code: '22012' } })
      } else {
        expect(answer).toMatchObject({ status: 'fulfilled', value: [{ n: 60 / (i % 3) }] })
        if (answer.status === 'fulfilled') pids.add(answer.value[0]!.pid)
      }
    }
    expect(pids.size).toBe(1)
  })

  it('each one is counted, with those of transactions', async () => {
    const before = database.statements
    await database.read(null, 'select 1')
    await database.query(null, 'select 1')
    await database.transaction(async (tx) => {
      await tx.execute(null, 'select 1')
    })
    expect(database.statements - before).toBe(5)
  })

  it('execute tells how many rows were touched', async () => {
    expect(await database.execute(null, 'update numbers set value = value where id > $1', [0])).toBe(2)
  })

  it('one that runs too long is given up, and has had no effect', async () => {
    const slow = database.query(null, 'select pg_sleep(5)')
    await expect(slow).rejects.toBeInstanceOf(DatabaseUnavailable)
    await expect(slow).rejects.toMatchObject({ outcome: 'none', retryAfterMs: 1000 })
  })

  it('violated constraints are told apart', async () => {
    const error: unknown = await database.execute(null, 'insert into numbers values (1, 1)').catch((e: unknown) => e)
    expect(isSqlError(error, sqlState.uniqueViolation)).toBe(true)
    expect(isSqlError(error, sqlState.uniqueViolation, 'numbers_pkey')).toBe(true)
    expect(isSqlError(error, sqlState.uniqueViolation, 'another')).toBe(false)
    expect(isSqlError(error, sqlState.checkViolation)).toBe(false)
  })

  it('prepared statements survive a change of their tables', async () => {
    await database.execute(null, 'create table changing (a int)')
    const readAll = (): Promise<unknown> => database.read('test.changing', 'select * from changing')
    const queryAll = (): Promise<unknown> => database.query('test.changing', 'select * from changing')
    const inTransaction = (): Promise<unknown> =>
      database.transaction((tx) => tx.query('test.changing', 'select * from changing'))
    await Promise.all([readAll(), queryAll(), inTransaction()])
    await database.execute(null, 'alter table changing add column b int default 2')
    await database.execute(null, 'insert into changing (a) values (1)')
    for (const all of [readAll, queryAll, inTransaction]) expect(await all()).toEqual([{ a: 1, b: 2 }])
  })
})

describe('transactions', () => {
  it('are committed when the work resolves', async () => {
    const result = await database.transaction(async (tx) => {
      await tx.execute('test.set', 'update numbers set value = $2 where id = $1', [1, 11])
      return 'done'
    })
    expect(result).toBe('done')
    expect(await valueOf(1)).toBe(11)
  })

  it('are rolled back when the work throws, and the connection is good for more', async () => {
    const work = database.transaction(async (tx) => {
      await tx.execute('test.set', 'update numbers set value = $2 where id = $1', [1, 99])
      throw new Error('changed my mind')
    })
    await expect(work).rejects.toThrow('changed my mind')
    expect(await valueOf(1)).toBe(11)
    expect(database.statistics().poolIdle).toBe(database.statistics().poolSize)
  })

  it('are not reported as committed when a failed statement in them was ignored', async () => {
    const work = database.transaction(async (tx) => {
      await tx.execute('test.set', 'update numbers set value = $2 where id = $1', [1, 99])
      await tx.execute(null, 'select 1 / 0').catch(() => undefined)
    })
    await expect(work).rejects.toThrow('rolled back')
    expect(await valueOf(1)).toBe(11)
  })

  it('cannot be used after their end', async () => {
    const tx = await database.transaction(async (tx) => tx)
    await expect(tx.query(null, 'select 1')).rejects.toThrow('the transaction is over')
  })

  it('run again when they lost a deadlock', async () => {
    // PostgreSQL looks for deadlocks after a second, which is when the other connections' statements are given up.
    await using patient = await openPatient()
    const bothHaveOne = Promise.withResolvers<void>()
    let holders = 0
    let runs = 0
    const swap = (first: number, second: number): Promise<void> =>
      patient.database.transaction(async (tx) => {
        runs++
        await tx.execute('test.add', 'update numbers set value = value + 1 where id = $1', [first])
        if (++holders === 2) bothHaveOne.resolve()
        await bothHaveOne.promise
        await tx.execute('test.add', 'update numbers set value = value + 1 where id = $1', [second])
      })
    const before = [await valueOf(1), await valueOf(2)]
    await Promise.all([swap(1, 2), swap(2, 1)])
    expect([await valueOf(1), await valueOf(2)]).toEqual(before.map((value) => value! + 2))
    // One loses; on a busy machine the repetition can meet the other again.
    expect(runs).toBeGreaterThanOrEqual(3)
  })

  it('can be read-only, on one snapshot', async () => {
    const options = { isolation: 'repeatable read', readOnly: true } as const
    await database.transaction(async (tx) => {
      const read = (): Promise<unknown> => tx.read(null, 'select value from numbers where id = 1')
      const before = await read()
      await database.execute(null, 'update numbers set value = value + 1 where id = 1')
      expect(await read()).toEqual(before)
    }, options)
    const write = database.transaction((tx) => tx.execute(null, 'delete from numbers'), options)
    await expect(write).rejects.toMatchObject({ code: '25006' })
  })
})

describe('close', () => {
  it('waits for what is running', async () => {
    const other = await Database.open({ url: testDatabase.url, logger: collectingLogger() })
    const running = [other.read(null, 'select pg_sleep(0.1)'), other.query(null, 'select pg_sleep(0.1)')]
    await new Promise((resolve) => setTimeout(resolve, 50))
    await other.close()
    await expect(Promise.all(running)).resolves.toHaveLength(2)
    await expect(other.read(null, 'select 1')).rejects.toBeInstanceOf(DatabaseUnavailable)
    await expect(other.query(null, 'select 1')).rejects.toBeInstanceOf(DatabaseUnavailable)
  })
})
