import type { Queryable } from '../connection/queryable.ts'

// What Knex keeps for itself.
const bookkeeping = ['schema_migrations', 'schema_migrations_lock']

interface TextRow {
  text: string
}

interface ColumnRow {
  table_name: string
  name: string
  type: string
  collation: string | null
  not_null: boolean
  default_value: string | null
  generated: string
  identity: string
  identity_start: number | null
  storage: string | null
}

interface ConstraintRow {
  table_name: string
  name: string
  definition: string
  is_foreign_key: boolean
}

/**
 * The schema as SQL, from the catalog: the same text for the same schema, whatever the version of PostgreSQL. Run on an
 * empty database it makes that schema again, without the rows that migrations write.
 */
export async function describeSchema(db: Queryable): Promise<string> {
  await refuseUnknownKinds(db)
  const [types, sequences, tables, functions, indexes, foreignKeys, triggers] = [
    await describeTypes(db),
    await describeSequences(db),
    await describeTables(db),
    await describeFunctions(db),
    await describeIndexes(db),
    await describeForeignKeys(db),
    await describeTriggers(db),
  ]
  return [...types, ...sequences, ...tables, ...functions, ...indexes, ...foreignKeys, ...triggers].join('\n\n') + '\n'
}

/** What this file cannot describe must not go unnoticed. */
async function refuseUnknownKinds(db: Queryable): Promise<void> {
  const unknown = await texts(
    db,
    `select relname as text from pg_class
      where relnamespace = 'public'::regnamespace and relkind not in ('r', 'i', 'S', 't') and relname <> all ($1)`,
  )
  if (unknown.length > 0) throw new Error(`describe-schema.ts has to learn to describe ${unknown.join(', ')}`)
}

/** `quote_ident` quotes keywords too, of which each version of PostgreSQL has some more. */
function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

async function texts(db: Queryable, query: string): Promise<string[]> {
  return (await db.query<TextRow>(null, query, [bookkeeping])).map((row) => row.text)
}

function describeTypes(db: Queryable): Promise<string[]> {
  return texts(
    db,
    `select format('create type %I as enum (%s);', t.typname,
              string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)) as text
       from pg_type t join pg_enum e on e.enumtypid = t.oid
      where t.typnamespace = 'public'::regnamespace and t.typname <> all ($1)
      group by t.typname order by t.typname`,
  )
}

/** Those that belong to no column. */
function describeSequences(db: Queryable): Promise<string[]> {
  return texts(
    db,
    `select format('create sequence %I as %s start with %s increment by %s cache %s;',
              c.relname, format_type(s.seqtypid, null), s.seqstart, s.seqincrement, s.seqcache) as text
       from pg_sequence s join pg_class c on c.oid = s.seqrelid
      where c.relnamespace = 'public'::regnamespace and c.relname <> all ($1)
        and not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('a', 'i'))
      order by c.relname`,
  )
}

async function describeTables(db: Queryable): Promise<string[]> {
  const tables = await db.query<{ name: string; kind: string; options: string | null }>(
    null,
    `select relname as name, relpersistence::text as kind, array_to_string(reloptions, ', ') as options
       from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> all ($1)
      order by relname`,
    [bookkeeping],
  )
  const [columns, constraints] = [await readColumns(db), await readConstraints(db)]
  return tables.map(({ name, kind, options }) => {
    const own = columns.filter((column) => column.table_name === name)
    const lines = [
      ...own.map(describeColumn),
      ...constraints
        .filter((constraint) => constraint.table_name === name && !constraint.is_foreign_key)
        .map((constraint) => `constraint ${identifier(constraint.name)} ${constraint.definition}`),
    ]
    const storages = own
      .filter((column) => column.storage !== null)
      .map(
        (column) =>
          `\nalter table ${identifier(name)} alter column ${identifier(column.name)} set storage ${column.storage};`,
      )
    const head = `create ${kind === 'u' ? 'unlogged ' : ''}table ${identifier(name)} (\n  ${lines.join(',\n  ')}\n)`
    return `${head}${options === null ? '' : ` with (${options})`};${storages.join('')}`
  })
}

function readColumns(db: Queryable): Promise<ColumnRow[]> {
  return db.query<ColumnRow>(
    null,
    `select c.relname as table_name, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
            case when a.attcollation <> t.typcollation then l.collname end as collation,
            a.attnotnull as not_null, pg_get_expr(d.adbin, d.adrelid) as default_value,
            a.attgenerated::text as generated, a.attidentity::text as identity,
            (select seqstart from pg_sequence where seqrelid = pg_get_serial_sequence(c.relname, a.attname)::regclass)
              as identity_start,
            case when a.attstorage <> t.typstorage then
              case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end
            end as storage
       from pg_attribute a
       join pg_class c on c.oid = a.attrelid
       join pg_type t on t.oid = a.atttypid
       left join pg_collation l on l.oid = a.attcollation
       left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
      where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> all ($1)
        and a.attnum > 0 and not a.attisdropped
      order by c.relname, a.attnum`,
    [bookkeeping],
  )
}

function describeColumn(column: ColumnRow): string {
  const parts = [`${identifier(column.name)} ${column.type}`]
  if (column.collation !== null) parts.push(`collate ${identifier(column.collation)}`)
  if (column.identity !== '') {
    const start = column.identity_start === 1 ? '' : ` (start with ${column.identity_start})`
    parts.push(`generated ${column.identity === 'a' ? 'always' : 'by default'} as identity${start}`)
  } else if (column.generated !== '') {
    parts.push(`generated always as (${column.default_value}) stored`)
  } else if (column.default_value !== null) {
    parts.push(`default ${column.default_value}`)
  }
  if (column.not_null) parts.push('not null')
  return parts.join(' ')
}

function readConstraints(db: Queryable): Promise<ConstraintRow[]> {
  // Version 18 keeps NOT NULL as constraints as well (type n).
  return db.query<ConstraintRow>(
    null,
    `select c.relname as table_name, x.conname as name, pg_get_constraintdef(x.oid) as definition,
            x.contype = 'f' as is_foreign_key
       from pg_constraint x join pg_class c on c.oid = x.conrelid
      where c.relnamespace = 'public'::regnamespace and c.relname <> all ($1) and x.contype in ('p', 'u', 'c', 'x', 'f')
      order by c.relname, array_position(array['p', 'u', 'x', 'c', 'f'], x.contype::text), x.conname`,
    [bookkeeping],
  )
}

async function describeForeignKeys(db: Queryable): Promise<string[]> {
  return (await readConstraints(db))
    .filter((constraint) => constraint.is_foreign_key)
    .map(
      ({ table_name, name, definition }) =>
        `alter table ${identifier(table_name)} add constraint ${identifier(name)} ${definition};`,
    )
}

function describeFunctions(db: Queryable): Promise<string[]> {
  return texts(
    db,
    `select rtrim(pg_get_functiondef(oid), E'\\n') || ';' as text
       from pg_proc where pronamespace = 'public'::regnamespace and prokind in ('f', 'p') and proname <> all ($1)
      order by proname, pg_get_function_identity_arguments(oid)`,
  )
}

/** Those that no constraint made. */
function describeIndexes(db: Queryable): Promise<string[]> {
  return texts(
    db,
    `select pg_get_indexdef(i.indexrelid) || ';' as text
       from pg_index i join pg_class c on c.oid = i.indrelid join pg_class x on x.oid = i.indexrelid
      where c.relnamespace = 'public'::regnamespace and c.relname <> all ($1)
        and not exists (select from pg_constraint where conindid = i.indexrelid and contype in ('p', 'u', 'x'))
      order by c.relname, x.relname`,
  )
}

function describeTriggers(db: Queryable): Promise<string[]> {
  return texts(
    db,
    `select pg_get_triggerdef(t.oid) || ';' as text
       from pg_trigger t join pg_class c on c.oid = t.tgrelid
      where c.relnamespace = 'public'::regnamespace and c.relname <> all ($1) and not t.tgisinternal
      order by c.relname, t.tgname`,
  )
}
