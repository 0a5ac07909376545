// Who asked for what they sent to be erased. Code from before knows nothing of it, and shows everything to everybody still.
import type { Migration } from './migration.ts'

export const erasures: Migration = {
  name: '0015-erasures',
  async up(knex) {
    await knex.raw(`
      -- The users who were erased, and where the stream tells of it. Rows stay for good, even when the account goes: what the
      -- user sent stays in its rooms.
      create table erasures (
        pos bigint not null,
        user_nid int primary key references users (nid)
      );
      create index erasures_pos on erasures (pos);
    `)
  },
}
