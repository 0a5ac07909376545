// What people show of themselves, what they report of others, and account data that was deleted. The code before it knows
// none of this and still runs on the result.
import type { Migration } from './migration.ts'

export const people: Migration = {
  name: '0006-people',
  async up(knex) {
    await knex.raw(`
      -- The profile of each account that has set anything, as one JSON object: it is small, and read as a whole. Rewritten in
      -- place at a new stream position. Gone with its account.
      create table profiles (
        pos bigint not null,
        user_nid int primary key references accounts (user_nid) on delete cascade,
        fields text collate "C" not null
      );
      create index profiles_pos on profiles (pos);

      -- What users found worth an administrator's look: an event, a room or a user. Gone with the account of whoever
      -- reported it, and with the room.
      create table reports (
        nid bigint primary key generated always as identity,
        received_ts bigint not null,
        event_nid bigint,
        reporter_nid int not null references accounts (user_nid) on delete cascade,
        room_nid int references rooms (nid) on delete cascade,
        user_nid int references users (nid),
        reason text collate "C" not null,
        constraint reports_subject unique nulls not distinct (reporter_nid, room_nid, event_nid, user_nid)
      );
      create index reports_room on reports (room_nid) where room_nid is not null;

      -- An entry that was deleted stays as an empty object, so that every device hears of it.
      alter table account_data add column deleted boolean not null default false;
    `)
  },
}
