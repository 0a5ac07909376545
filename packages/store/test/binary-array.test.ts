import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../src/index.ts'
import { byteaArray, int2Array, int4Array, int8Array, textArray, uuidArray } from '../src/persister/binary-array.ts'
import { collectingLogger } from './fixtures/quiet-logger.ts'

let testDatabase: TestDatabase
let database: Database

beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = await Database.open({ url: testDatabase.url, logger: collectingLogger() })
})

afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

/** What PostgreSQL makes of a binary array: its elements as text. */
async function elements(type: string, array: Buffer): Promise<(string | null)[]> {
  const rows = await database.query<{ element: string | null }>(
    null,
    `select element::text from unnest($1::${type}[]) with ordinality as list(element, i) order by i`,
    [array],
  )
  return rows.map(({ element }) => element)
}

describe('binary arrays', () => {
  it('carry integers of every width, negative ones and nulls', async () => {
    const values = [0, -1, 32_767, -32_768, null]
    const texts = values.map((value) => value?.toString() ?? null)
    expect(await elements('smallint', int2Array(values))).toEqual(texts)
    const wider = [...values, 2 ** 31 - 1, -(2 ** 31)]
    expect(await elements('int', int4Array(wider))).toEqual([...texts, '2147483647', '-2147483648'])
    const widest = [2 ** 31, -(2 ** 32), -(2 ** 32) - 1, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]
    expect(await elements('bigint', int8Array([...wider, ...widest]))).toEqual(
      [...wider, ...widest].map((value) => value?.toString() ?? null),
    )
  })

  it('carry texts of any content', async () => {
    const texts = ['', '{"a":"\\"b\\\\"}', ',{}', 'NULL', null, 'é 漢字 🏠', 'x'.repeat(70_000)]
    expect(await elements('text', textArray(texts))).toEqual(texts)
  })

  it('carry bytes and uuids', async () => {
    const bytes = [Buffer.alloc(0), Buffer.from([0, 255, 92, 34]), null]
    expect(await elements('bytea', byteaArray(bytes))).toEqual(['\\x', '\\x00ff5c22', null])
    const uuid = Buffer.from('00112233445566778899aabbccddeeff', 'hex')
    expect(await elements('uuid', uuidArray([uuid]))).toEqual(['00112233-4455-6677-8899-aabbccddeeff'])
  })

  it('may be empty', async () => {
    expect(await elements('bigint', int8Array([]))).toEqual([])
    expect(await elements('text', textArray([]))).toEqual([])
    expect(await elements('bytea', byteaArray([]))).toEqual([])
  })

  it('are refused here when a number does not fit', () => {
    expect(() => int2Array([40_000])).toThrow(RangeError)
    expect(() => int4Array([2 ** 31])).toThrow(RangeError)
  })
})
