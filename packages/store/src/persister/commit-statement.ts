import type { Queryable } from '../connection/queryable.ts'
import type { Batch } from './batch.ts'

/** What `hearth_commit` answers; one element per commit of the batch in `shift` and `lastPos`. */
export interface CommitAnswer {
  /** The stream's position before the batch. */
  readonly prevPos: number
  /** What to add to a slot to get its position; null for a commit that was not written. */
  readonly shift: readonly (number | null)[]
  /** Each room's `last_pos` before the batch. */
  readonly lastPos: readonly number[]
  /** The transactions that were used before. */
  readonly duplicates: readonly DuplicateTransaction[]
}

interface DuplicateTransaction {
  readonly slot: number
  readonly nid: number
  readonly idBytes: Buffer
  readonly flags: number
}

interface CommitRow {
  prev_pos: number
  shift: (number | null)[] | null
  last_pos: number[]
  dup_slot: number[] | null
  dup_nid: number[]
  dup_flags: number[]
  dup_id: Buffer[]
}

const PARAMETERS = 64

/** Calls the function with the parameters of a batch. */
export const commitStatement = `select * from hearth_commit(${Array.from({ length: PARAMETERS }, (_, i) => `$${i + 1}`).join(', ')})`

/** Runs a batch as one statement, which is one transaction. */
export async function runCommit(db: Queryable, batch: Batch): Promise<CommitAnswer> {
  const [row] = await db.query<CommitRow>('hearth_commit', commitStatement, batch.parameters())
  if (row === undefined) throw new Error('hearth_commit returned no row')
  const duplicates = (row.dup_slot ?? []).map((slot, i) => ({
    slot,
    nid: row.dup_nid[i]!,
    idBytes: row.dup_id[i]!,
    flags: row.dup_flags[i]!,
  }))
  return { prevPos: row.prev_pos, shift: row.shift ?? [], lastPos: row.last_pos, duplicates }
}
