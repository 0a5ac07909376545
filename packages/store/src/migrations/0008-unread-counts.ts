// How much of rooms is unread. The code before it knows nothing of the table and still runs on the result.
import type { Migration } from './migration.ts'

export const unreadCounts: Migration = {
  name: '0008-unread-counts',
  async up(knex) {
    await knex.raw(`
      -- What each local user has not read of what they want to be notified of, by room and thread, as of the position that
      -- the consumer "unread-counts" has come to: it can be deleted and made again together with that. A row goes when all
      -- of it is read or the user leaves, and with the room.
      create table unread_counts (
        -- the last event that counts
        last_pos bigint not null,
        user_nid int not null references users (nid),
        room_nid int not null references rooms (nid) on delete cascade,
        notifications int not null,
        highlights int not null,
        -- main or the id of the thread's root
        thread_id text collate "C" not null,
        primary key (user_nid, room_nid, thread_id)
      ) with (fillfactor = 70);
      create index unread_counts_room on unread_counts (room_nid);
    `)
  },
}
