// Invitations into rooms, and knocks on them, that this server is not in. Code from before does not know of any: it hides
// what it cannot find a room for.
import type { Migration } from './migration.ts'

export const outsideMemberships: Migration = {
  name: '0022-outside-memberships',
  async up(knex) {
    await knex.raw(`
      -- What other servers told of local users' memberships of rooms that no user of this server is in. The newest one of a
      -- user and room counts while local_membership names its nid; a join leaves it behind. Nothing of it was checked against
      -- the room's rules, so the member event is not in events. resident: the server that told. invite_id: the last
      -- invitation that was taken, which a repetition does not bring back. Rows go with their room.
      create table outside_membership (
        pos bigint not null,
        nid bigint not null,
        user_nid int not null,
        room_nid int not null references rooms (nid) on delete cascade,
        membership smallint not null,
        event_id text collate "C" not null,
        invite_id text collate "C",
        resident text collate "C" not null,
        json text collate "C" not null,
        stripped text collate "C" not null,
        primary key (user_nid, room_nid)
      );
      create index outside_membership_pos on outside_membership (pos);
      create index outside_membership_room on outside_membership (room_nid);
    `)
  },
}
