// How far people have read in rooms. The code before it knows nothing of the table and still runs on the result.
import type { Migration } from './migration.ts'

export const receipts: Migration = {
  name: '0007-receipts',
  async up(knex) {
    await knex.raw(`
      -- Of each user in each room the latest receipt of a type and thread. Rewritten in place at a new stream position. Gone
      -- with the room. Users are of any server, so they outlast accounts as the events do that they are about.
      create table receipts (
        pos bigint not null,
        event_nid bigint not null,
        -- Where that event stands in the stream: receipts only move forward.
        event_pos bigint not null,
        ts bigint not null,
        room_nid int not null references rooms (nid) on delete cascade,
        user_nid int not null references users (nid),
        type text collate "C" not null,
        -- null: unthreaded; else main or the id of the thread's root
        thread_id text collate "C",
        constraint receipts_key unique nulls not distinct (room_nid, user_nid, type, thread_id)
      ) with (fillfactor = 70);
      create index receipts_pos on receipts (pos);
      create index receipts_room_pos on receipts (room_nid, pos);
    `)
  },
}
