// Where those stand who look through spaces page by page. Code from before knows nothing of it and still runs on the result.
import type { Migration } from './migration.ts'

export const spaceWalks: Migration = {
  name: '0043-space-walks',
  async up(knex) {
    await knex.raw(`
      -- What a page's next_batch stands for: any process gives the next page. Written once; deleted when it has expired, and
      -- when its user has many newer ones.
      create table space_walks (
        id bytea primary key,
        user_nid int not null references accounts (user_nid) on delete cascade,
        expires_ts bigint not null,
        walk text collate "C" not null
      );
      create index space_walks_user on space_walks (user_nid, expires_ts);
      create index space_walks_expiry on space_walks (expires_ts);
    `)
  },
}
