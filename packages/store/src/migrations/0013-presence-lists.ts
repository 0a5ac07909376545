// The presence lists of the founding API. Code from before knows nothing of them, and shows nobody more than they saw.
import type { Migration } from './migration.ts'

export const presenceLists: Migration = {
  name: '0013-presence-lists',
  async up(knex) {
    await knex.raw(`
      -- Who wants to see whose presence though they may share no room. state: 0 no more, 1 asked, 2 granted. Rows go with
      -- either account; of those that are no more, the newest of each observer are kept, since the stream tells of them.
      create table presence_lists (
        pos bigint not null,
        observer_nid int not null references accounts (user_nid) on delete cascade,
        observed_nid int not null references accounts (user_nid) on delete cascade,
        state smallint not null,
        primary key (observer_nid, observed_nid)
      );
      create index presence_lists_observed on presence_lists (observed_nid);
      create index presence_lists_pos on presence_lists (pos);
    `)
  },
}
