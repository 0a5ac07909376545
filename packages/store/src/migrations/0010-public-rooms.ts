// Listing and searching 100,000 public rooms page by page. Code of 0004 publishes rooms into the same table and still runs;
// what it publishes is ordered as a room of nobody until its statistics are written the next time.
import type { Migration } from './migration.ts'

export const publicRooms: Migration = {
  name: '0010-public-rooms',
  async up(knex) {
    await knex.raw(`
      -- The order of the list, and what it is searched for, copied from room_statistics whenever that changes: they could
      -- not be one index across two tables. Rows go with their room, as before.
      alter table published_rooms
        add column joined int not null default 0,
        add column room_type text collate "C",
        add column searched text collate "C" not null default '';
      update published_rooms p set joined = s.joined, room_type = s.room_type,
          searched = lower(concat_ws(E'\\n', left(s.name, 500), left(s.topic, 2000), s.canonical_alias))
        from room_statistics s where s.room_nid = p.room_nid;
      -- The largest first. With the sign turned, both columns ascend, and a page is one comparison of rows.
      create index published_rooms_order on published_rooms ((-joined), room_nid);

      alter table room_statistics add column searched text collate "C" not null default '';
      update room_statistics set searched = lower(concat_ws(E'\\n', left(name, 500), left(topic, 2000), canonical_alias));

      -- How many aliases somebody has.
      create index room_aliases_creator on room_aliases (creator_nid);
    `)
  },
}
