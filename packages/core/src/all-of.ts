/**
 * Values of which some may be still to come. They are waited for only where there are such: most answers are made of what is
 * in memory, and a wait for nothing costs more than what it waits for.
 */
export function allOf<T>(values: readonly (T | Promise<T>)[]): readonly T[] | Promise<readonly T[]> {
  return values.some((value) => value instanceof Promise) ? Promise.all(values) : (values as readonly T[])
}
