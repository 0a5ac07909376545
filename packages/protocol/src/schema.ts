/**
 * JSON Schemas that carry the TypeScript type of what they accept, so that one declaration gives the run-time check
 * (compiled by Ajv in `http`) and the static type.
 */
declare const accepts: unique symbol

// Symbol keys are invisible to Ajv and to `JSON.stringify`.
const isOptional = Symbol('optional')

/** A JSON Schema (2020-12 keywords that Ajv's default dialect knows) which accepts values of type `T`. */
export interface Schema<T> {
  readonly [keyword: string]: unknown
  readonly [accepts]?: T
}

/** A property that may be absent. */
export interface OptionalSchema<T> extends Schema<T> {
  readonly [isOptional]: true
}

/** The type that a schema accepts. */
export type Infer<S> = S extends Schema<infer T> ? T : never

type Properties = Readonly<Record<string, Schema<unknown>>>
type OptionalKeys<P> = { [K in keyof P]: P[K] extends OptionalSchema<unknown> ? K : never }[keyof P]
type ObjectOf<P extends Properties> = { [K in Exclude<keyof P, OptionalKeys<P>>]: Infer<P[K]> } & {
  [K in OptionalKeys<P>]?: Infer<P[K]>
}

const string: Schema<string> = { type: 'string' }
const integer: Schema<number> = {
  type: 'integer',
  minimum: Number.MIN_SAFE_INTEGER,
  maximum: Number.MAX_SAFE_INTEGER,
}
const boolean: Schema<boolean> = { type: 'boolean' }
const unknown: Schema<unknown> = {}

function format<T extends string>(name: string): Schema<T> {
  return { type: 'string', format: name }
}

function literal<const T extends readonly string[]>(...values: T): Schema<T[number]> {
  return { type: 'string', enum: values }
}

function optional<T>(schema: Schema<T>): OptionalSchema<T> {
  return { ...schema, [isOptional]: true }
}

function array<T>(items: Schema<T>, limits: { maxItems?: number } = {}): Schema<T[]> {
  return { type: 'array', items, ...limits }
}

function record<T>(values: Schema<T>): Schema<Record<string, T>> {
  return { type: 'object', additionalProperties: values }
}

/** An object with these properties; others are let through, as the specification asks of receivers. */
function object<P extends Properties>(properties: P): Schema<ObjectOf<P>> {
  const required = Object.keys(properties).filter((key) => !(isOptional in properties[key]!))
  return { type: 'object', properties, ...(required.length > 0 && { required }) }
}

/** Restricts a schema further, keeping its type. */
function refine<T>(schema: Schema<T>, keywords: Readonly<Record<string, unknown>>): Schema<T> {
  return { ...schema, ...keywords }
}

/** The schema builders, to be read as `s.object({ user_id: s.format<UserId>('mx-user-id') })`. */
export const s = { string, integer, boolean, unknown, format, literal, optional, array, record, object, refine }
