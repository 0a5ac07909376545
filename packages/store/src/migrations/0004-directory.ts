// Names of rooms and the public directory. The code before it knows none of these tables and still runs on the result.
import type { Migration } from './migration.ts'

export const directory: Migration = {
  name: '0004-directory',
  async up(knex) {
    await knex.raw(`
      -- The aliases of this server. Gone with their room.
      create table room_aliases (
        created_ts bigint not null,
        room_nid int not null references rooms (nid) on delete cascade,
        creator_nid int not null references users (nid),
        alias text collate "C" not null,
        -- In lower case: names that differ only in case are one.
        folded text collate "C" primary key
      );
      create index room_aliases_room on room_aliases (room_nid);

      -- The rooms that the public directory lists.
      create table published_rooms (
        room_nid int primary key references rooms (nid) on delete cascade
      );

      -- What the directory shows of each room, kept by a consumer of the stream: it can be rebuilt from the current state.
      create table room_statistics (
        pos bigint not null,
        room_nid int primary key references rooms (nid) on delete cascade,
        joined int not null,
        invited int not null,
        world_readable boolean not null,
        guest_can_join boolean not null,
        join_rule text collate "C",
        name text collate "C",
        topic text collate "C",
        avatar_url text collate "C",
        canonical_alias text collate "C",
        room_type text collate "C"
      ) with (fillfactor = 70);
    `)
  },
}
