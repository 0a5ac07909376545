// The processes of the deployment, which what one of them does alone hangs on. The code before it knows nothing of them and
// still runs on the result: its leases and jobs have a time of their own, as those of the code after it have.
import type { Migration } from './migration.ts'

export const processes: Migration = {
  name: '0032-processes',
  async up(knex) {
    await knex.raw(`
      -- One row for each process that is there, which it writes anew each second. Deleted when it stops, by another one when
      -- it has not done so for some seconds, and when it is the only one by itself when it starts. Its leases and jobs go
      -- with it.
      create table processes (
        id uuid primary key,
        started_ts bigint not null,
        -- By the database's clock: those of the processes may differ.
        seen_at timestamptz not null,
        roles text collate "C" not null
      ) with (fillfactor = 50);

      -- Who is at work on a job; null: nobody, or code that knows nothing of processes.
      alter table jobs add column holder uuid;
      create index jobs_holder on jobs (holder) where holder is not null;
    `)
  },
}
