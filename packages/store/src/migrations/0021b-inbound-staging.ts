// Events of other servers that have to wait for those before them.
import type { Migration } from './migration.ts'

export const inboundStaging: Migration = {
  name: '0021b-inbound-staging',
  async up(knex) {
    await knex.raw(`
      -- Events whose signatures are right but whose previous or auth events are missing. retry_ts is when to look at them
      -- next; null for those that were given up, which are kept for a while with the reason. Rows are deleted when their
      -- event is part of its room, when they are old, and with the room.
      create table inbound_staging (
        received_ts bigint not null,
        retry_ts bigint,
        room_nid int not null,
        origin_nid int not null,
        spelling smallint not null,
        attempts smallint not null default 0,
        event_id bytea not null,
        json text collate "C" not null,
        failure text collate "C",
        primary key (room_nid, event_id)
      );

      create index inbound_staging_due on inbound_staging (retry_ts) where retry_ts is not null;
      create index inbound_staging_given_up on inbound_staging (received_ts) where retry_ts is null;
    `)
  },
}
