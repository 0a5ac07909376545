// What a deployment is, and the position of its stream. Nothing came before it.
import type { Migration } from './migration.ts'

export const base: Migration = {
  name: '0001-base',
  async up(knex) {
    await knex.raw(`
      -- What must never change during a deployment's life. One row, written by the first start.
      create table deployment (
        id smallint primary key default 1 check (id = 1),
        server_name text collate "C" not null,
        created_ts bigint not null
      );

      -- The position of the stream: every durable change takes the next positions from this row, in the transaction that
      -- writes the change. The row's lock is held until the commit, so the order of positions is the order of commits, and
      -- a rollback leaves no gap. The room left in the page lets each update stay in it.
      create table stream_head (
        id smallint primary key default 1 check (id = 1),
        pos bigint not null
      ) with (fillfactor = 20);

      insert into stream_head (pos) values (0);
    `)
  },
}
