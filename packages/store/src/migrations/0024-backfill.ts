// What a room's history lacks, and where what was fetched later stands. Code from before knows nothing of it: it shows the
// gaps as the ends of history.
import type { Migration } from './migration.ts'

export const backfill: Migration = {
  name: '0024-backfill',
  async up(knex) {
    await knex.raw(`
      -- Backward extremities: events that stored ones name as their previous events, and that are not stored themselves (or
      -- only as outliers). child_id is the event of the timeline that stands after the gap. Written before the commit of
      -- the child, so that a gap is never without a row; rows whose missing event has come are deleted when the gap is
      -- next looked at, all others with the room.
      create table backward_extremities (
        room_nid int not null,
        spelling smallint not null,
        missing_id bytea not null,
        child_id bytea not null,
        primary key (room_nid, missing_id, child_id)
      );

      -- Gaps within a room's timeline, between events that both came live. What fills the gap with the number n has
      -- stream positions from -(n + 1) * 2^40 + 1 to -n * 2^40 - 1, and belongs right before the event at before_pos.
      -- Number 0, which has no row, is what happened before everything that came live. Rows are deleted with the room.
      create table timeline_gaps (
        room_nid int not null,
        number int not null,
        before_pos bigint not null,
        primary key (room_nid, number),
        unique (room_nid, before_pos)
      );
    `)
  },
}
