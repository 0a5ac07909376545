import type { Knex } from 'knex'

/**
 * One step of the schema. Steps are numbered, forward only, and never changed once they have landed: a correction is a new
 * step. The head of each file says why the step exists and whether the code before it can still run on its result.
 */
export interface Migration {
  /** `0001-subject`, as the file is called. */
  readonly name: string
  up(knex: Knex): Promise<void>
}
