// Work that goes on after the request that asked for it was answered. The code before it does not know the table and still
// runs on the result.
import type { Migration } from './migration.ts'

export const jobs: Migration = {
  name: '0005-jobs',
  async up(knex) {
    await knex.raw(`
      -- A row is gone when its job is done.
      create table jobs (
        nid bigint primary key generated always as identity,
        created_ts bigint not null,
        run_after_ts bigint not null,
        -- null: nobody is at work on it
        lease_until_ts bigint,
        -- Counts who has taken it: what an earlier one still writes has no effect.
        lease bigint not null default 0,
        -- Counts who has asked for it.
        revision bigint not null default 0,
        -- Runs since it was asked for or last got on.
        attempts integer not null default 0,
        kind text collate "C" not null,
        key text collate "C" not null,
        -- JSON: what to do, and how far it has come.
        payload text collate "C" not null,
        progress text collate "C",
        -- Why the last run failed.
        failure text collate "C",
        constraint jobs_key unique (kind, key)
      );
      create index jobs_run_after on jobs (run_after_ts);
    `)
  },
}
