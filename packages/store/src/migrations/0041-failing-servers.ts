// When other servers failed, for those who want to know why nothing is sent to one.
import type { Migration } from './migration.ts'

export const failingServers: Migration = {
  name: '0041-failing-servers',
  async up(knex) {
    await knex.raw(`
      alter table fed_dest
        -- When it failed last, and for the first time since it answered, in milliseconds; null: it has not.
        add column failed_ts bigint,
        add column failing_since_ts bigint;
    `)
  },
}
