import type { JsonObject } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'

/** Work to be done later. */
export interface NewJob {
  /** Which handler it is for. */
  readonly kind: string
  /** What it is about: there is one job of a kind about it. */
  readonly key: string
  readonly payload: JsonObject
  /** When it was asked for, in milliseconds since the epoch. */
  readonly now: number
  /** When to begin; at once when absent. */
  readonly runAfterTs?: number
}

/** A job that somebody is at work on. */
export interface TakenJob {
  readonly nid: number
  /** To be shown with whatever is written about it: proves that no other has taken the job since. */
  readonly lease: number
  /** Which request for it this is. */
  readonly revision: number
  readonly kind: string
  readonly key: string
  readonly payload: JsonObject
  /** What was last saved of the work. */
  readonly progress: JsonObject | undefined
  /** 1, and one more for each run since it last got on. */
  readonly attempts: number
}

/** What there is to do. */
export interface JobCensus {
  readonly jobs: number
  /** Those whose last run failed. */
  readonly failing: number
  /** When the next one is to be looked at, in milliseconds since the epoch; null when there is none. */
  readonly dueTs: number | null
}

interface Row extends Omit<TakenJob, 'payload' | 'progress'> {
  payload: string
  progress: string | null
}

/** Work that goes on after the request that asked for it was answered, and after a restart. */
export class Jobs {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /**
   * Asks for a job; to be called in the transaction that makes it necessary. One of the same kind and key that is not done
   * begins anew, with this payload: it runs again although it may be running now.
   */
  async add({ kind, key, payload, now, runAfterTs = now }: NewJob): Promise<void> {
    await this.#db.execute(
      'jobs.add',
      `insert into jobs (created_ts, run_after_ts, kind, key, payload) values ($1, $2, $3, $4, $5)
       on conflict on constraint jobs_key do update set payload = excluded.payload, progress = null, failure = null,
         run_after_ts = excluded.run_after_ts, attempts = 0, revision = jobs.revision + 1`,
      [now, runAfterTs, kind, key, JSON.stringify(payload)],
    )
  }

  /** Asks for a job unless there is one of the same kind and key that is not done; false when there is. */
  async addUnlessAsked({ kind, key, payload, now, runAfterTs = now }: NewJob): Promise<boolean> {
    const added = await this.#db.execute(
      'jobs.addUnlessAsked',
      `insert into jobs (created_ts, run_after_ts, kind, key, payload) values ($1, $2, $3, $4, $5)
       on conflict on constraint jobs_key do nothing`,
      [now, runAfterTs, kind, key, JSON.stringify(payload)],
    )
    return added === 1
  }

  /** What the jobs of a kind that are not done are about; at most `limit`. */
  async listKeys(kind: string, limit: number): Promise<string[]> {
    const rows = await this.#db.query<{ key: string }>(
      'jobs.listKeys',
      'select key from jobs where kind = $1 order by nid limit $2',
      [kind, limit],
    )
    return rows.map(({ key }) => key)
  }

  /** Whether there is a job of a kind about something that is not done. */
  async isAsked(kind: string, key: string): Promise<boolean> {
    const rows = await this.#db.read('jobs.isAsked', 'select 1 from jobs where kind = $1 and key = $2', [kind, key])
    return rows.length > 0
  }

  /**
   * Takes a job that is due, of one of these kinds, for a process: as long as that is there, and until `leaseUntilTs` unless
   * it says so again; undefined when there is none.
   */
  async take(
    kinds: readonly string[],
    holder: string,
    { now, leaseUntilTs }: { readonly now: number; readonly leaseUntilTs: number },
  ): Promise<TakenJob | undefined> {
    const rows = await this.#db.query<Row>(
      'jobs.take',
      `update jobs set lease = lease + 1, lease_until_ts = $3, holder = $4, attempts = attempts + 1 where nid =
         (select nid from jobs
          where kind = any ($1) and run_after_ts <= $2 and (lease_until_ts is null or lease_until_ts <= $2)
          order by run_after_ts, nid limit 1 for update skip locked)
       returning nid, lease, revision, kind, key, payload, progress, attempts`,
      [kinds, now, leaseUntilTs, holder],
    )
    return rows[0] && jobOf(rows[0])
  }

  /** Keeps a job for longer; false when another has taken it or it was asked for anew. */
  async extend({ nid, lease, revision }: TakenJob, leaseUntilTs: number): Promise<boolean> {
    const updated = await this.#db.execute(
      'jobs.extend',
      `update jobs set lease_until_ts = $4 where nid = $1 and lease = $2 and revision = $3`,
      [nid, lease, revision, leaseUntilTs],
    )
    return updated === 1
  }

  /**
   * Writes down how far a job has come, and keeps it for longer; false as `extend`. Within the transaction that did the
   * work, it is done exactly once.
   */
  async save({ nid, lease, revision }: TakenJob, progress: JsonObject, leaseUntilTs: number): Promise<boolean> {
    const updated = await this.#db.execute(
      'jobs.save',
      `update jobs set progress = $4, lease_until_ts = $5, attempts = 1, failure = null
       where nid = $1 and lease = $2 and revision = $3`,
      [nid, lease, revision, JSON.stringify(progress), leaseUntilTs],
    )
    return updated === 1
  }

  /** Removes a job that is done; false as `extend`. */
  async finish({ nid, lease, revision }: TakenJob): Promise<boolean> {
    const deleted = await this.#db.execute(
      'jobs.finish',
      `delete from jobs where nid = $1 and lease = $2 and revision = $3`,
      [nid, lease, revision],
    )
    return deleted === 1
  }

  /** Takes the wish for a job back. */
  async remove(kind: string, key: string): Promise<void> {
    await this.#db.execute('jobs.remove', 'delete from jobs where kind = $1 and key = $2', [kind, key])
  }

  /** Gives a job back whose run was broken off, as if it had not begun. */
  async release({ nid, lease }: TakenJob): Promise<void> {
    await this.#db.execute(
      'jobs.release',
      `update jobs set lease_until_ts = null, holder = null, attempts = greatest(attempts - 1, 0) where nid = $1 and lease = $2`,
      [nid, lease],
    )
  }

  /** Gives a job back whose run has failed; one that was asked for anew meanwhile keeps its time. */
  async fail({ nid, lease, revision }: TakenJob, failure: string, runAfterTs: number): Promise<void> {
    await this.#db.execute(
      'jobs.fail',
      `update jobs set lease_until_ts = null, holder = null, failure = case when revision = $3 then $4 end,
         run_after_ts = case when revision = $3 then $5 else run_after_ts end
       where nid = $1 and lease = $2`,
      [nid, lease, revision, failure, runAfterTs],
    )
  }

  /** How many jobs there are, and when the next one of these kinds is due. */
  async census(kinds: readonly string[]): Promise<JobCensus> {
    const rows = await this.#db.read<JobCensus>(
      'jobs.census',
      `select count(*) as jobs, count(*) filter (where failure is not null) as failing,
         min(greatest(run_after_ts, lease_until_ts)) filter (where kind = any ($1)) as "dueTs" from jobs`,
      [kinds],
    )
    return rows[0]!
  }
}

function jobOf({ payload, progress, ...row }: Row): TakenJob {
  return {
    ...row,
    payload: JSON.parse(payload) as JsonObject,
    progress: progress === null ? undefined : (JSON.parse(progress) as JsonObject),
  }
}
