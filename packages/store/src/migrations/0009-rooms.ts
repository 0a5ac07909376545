// Leaving rooms behind, and finding events by time. Code of 0004 knows neither the column nor the index and still runs.
import type { Migration } from './migration.ts'

export const rooms: Migration = {
  name: '0009-rooms',
  async up(knex) {
    await knex.raw(`
      -- Where the stream tells that the user forgot the room; of no meaning once the row is no longer forgotten. Rows go
      -- with their room, as before.
      alter table local_membership add column forgotten_pos bigint;
      create index local_membership_by_forgotten_pos on local_membership (forgotten_pos) where forgotten_pos is not null;

      -- The event of a room that is closest to a moment.
      create index events_by_time on events (room_nid, ts) where stream_pos is not null;
    `)
  },
}
