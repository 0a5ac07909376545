import { types, type CustomTypesConfig } from 'pg'

const INT8 = 20
const INT8_ARRAY = 1016

function parseInt8(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`the database returned ${text}, which a number cannot hold`)
  return value
}

/** One-dimensional `bigint[]`, as text: `{1,2,NULL}`. */
function parseInt8Array(text: string): (number | null)[] {
  if (text === '{}') return []
  return text
    .slice(1, -1)
    .split(',')
    .map((item) => (item === 'NULL' ? null : parseInt8(item)))
}

/**
 * How column values become JavaScript values: `bigint` is a number, because all of Hearth's are below 2^53, and one that
 * is not is an error instead of a rounded value. The rest is as `pg` does it.
 */
export const valueParsers: CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary'): unknown => {
    if (format !== 'binary') {
      if (oid === INT8) return parseInt8
      if (oid === INT8_ARRAY) return parseInt8Array
    }
    return types.getTypeParser(oid, format)
  }) as CustomTypesConfig['getTypeParser'],
}
