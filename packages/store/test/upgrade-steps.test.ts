import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase, Database, dropDatabase, migrate, withDatabase } from '../src/index.ts'
import { migrations } from '../src/migrations/index.ts'
import { collectingLogger } from './fixtures/quiet-logger.ts'

// The release before this one goes on on the result of this one's steps, and while they are applied.

const manifest = join(import.meta.dirname, '../../server/test/fixtures/release-0.1/database.json')
const released = (JSON.parse(readFileSync(manifest, 'utf8')) as { migrations: string[] }).migrations

/** Tables with a row for every event, message or state: writes to a table wait while an index of all of it is made. */
const large = new Set(['events', 'state_events', 'state_node', 'relations', 'client_txn', 'to_device'])

interface Column {
  readonly table: string
  readonly column: string
  readonly type: string
  readonly required: boolean
}

let server: TestDatabase
let name: string
let database: Database

beforeEach(async () => {
  server = await createTestDatabase()
  name = `${new URL(server.url).pathname.slice(1)}_release`
  await createDatabase(server.url, name)
  const url = withDatabase(server.url, name)
  await migrate(url, { migrations: migrations.filter((step) => released.includes(step.name)) })
  database = await Database.open({ url, logger: collectingLogger() })
})

afterEach(async () => {
  await database.close()
  await dropDatabase(server.url, name)
  await server.drop()
})

const ours = `n.nspname = 'public' and c.relname not like 'schema\\_migrations%'`

async function schema() {
  const columns = await database.query<Column>(
    null,
    `select c.relname as "table", a.attname as "column", format_type(a.atttypid, a.atttypmod) as type,
       a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = '' as required
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where ${ours} and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped`,
  )
  // A table that is written anew gets another file.
  const tables = await database.query<{ table: string; file: string }>(
    null,
    `select c.relname as "table", c.relfilenode::text as file from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where ${ours} and c.relkind = 'r'`,
  )
  // Columns that must not be null are looked at by themselves.
  const constraints = await database.query<{ table: string; constraint: string }>(
    null,
    `select c.relname as "table", c.relname || ': ' || pg_get_constraintdef(k.oid) as "constraint"
     from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
     where ${ours} and k.contype <> 'n'`,
  )
  const indexes = await database.query<{ table: string; index: string; unique: boolean; whole: boolean }>(
    null,
    `select c.relname as "table", i.relname as "index", x.indisunique as "unique",
       x.indpred is null as "whole"
     from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
       join pg_namespace n on n.oid = c.relnamespace where ${ours}`,
  )
  const functions = await database.query<{ signature: string }>(
    null,
    `select p.oid::regprocedure::text || ' returns ' || pg_get_function_result(p.oid) as signature
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public'`,
  )
  const triggers = await database.query<{ table: string }>(
    null,
    `select distinct c.relname as "table" from pg_trigger t join pg_class c on c.oid = t.tgrelid where not t.tgisinternal`,
  )
  return { columns, tables, constraints, indexes, functions, triggers }
}

describe('the steps since the last release', () => {
  it('leave all that it uses, demand nothing new of it, and keep no table to themselves for long', async () => {
    const before = await schema()
    const applied = await migrate(withDatabase(server.url, name))
    expect(applied).toEqual(migrations.map((step) => step.name).filter((step) => !released.includes(step)))
    const after = await schema()
    const old = new Set(before.tables.map(({ table }) => table))
    const ofOld = <T extends { table: string }>(rows: readonly T[]): T[] => rows.filter(({ table }) => old.has(table))

    // Nothing that it reads or calls is gone or is something else.
    expect(ofOld(after.tables)).toEqual(expect.arrayContaining(before.tables))
    const typeOf = ({ table, column, type }: Column): string => `${table}.${column} ${type}`
    expect(after.columns.map(typeOf)).toEqual(expect.arrayContaining(before.columns.map(typeOf)))
    expect(after.functions).toEqual(expect.arrayContaining(before.functions))
    // What it writes is taken as it is: no column that it does not know has to be filled, no rule is new.
    const known = new Set(before.columns.map(typeOf))
    const required = (columns: readonly Column[]): string[] =>
      ofOld(columns.filter((each) => each.required))
        .map(typeOf)
        .sort()
    expect(required(after.columns).filter((column) => !known.has(column))).toEqual([])
    expect(required(after.columns)).toEqual(required(before.columns))
    expect(
      ofOld(after.triggers)
        .map(({ table }) => table)
        .sort(),
    ).toEqual(before.triggers.map(({ table }) => table).sort())
    const rules = (rows: typeof after.constraints): string[] => ofOld(rows).map((row) => row.constraint)
    expect(rules(after.constraints).sort()).toEqual(rules(before.constraints).sort())
    const indexes = ofOld(after.indexes).filter(({ index }) => !before.indexes.some((each) => each.index === index))
    expect(indexes.filter(({ unique }) => unique)).toEqual([])
    expect(indexes.filter(({ table, whole }) => whole && large.has(table))).toEqual([])
    expect([...large].filter((table) => !old.has(table))).toEqual([])
  })
})
