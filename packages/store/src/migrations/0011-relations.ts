// Relations between events, kept in the commit that writes the child (see docs/adr), so that nobody who is told of an event
// misses it among its parent's. Code from before cannot write events any more: the function that it calls has gone.
import { commitFunction } from './0002-commit-function.ts'
import type { Migration } from './migration.ts'

export const relations: Migration = {
  name: '0011-relations',
  async up(knex) {
    await knex.raw(relationTables)
    await knex.raw('drop function hearth_commit')
    await knex.raw(commitFunctionWithRelations())
  },
}

const relationTables = `
  -- Which event relates to which. nid is the child, pos its place in the stream. The parent may not have arrived, so it is
  -- named by its id. key, of an annotation, is a digest of what it annotates with. Rows go with their child: when that is
  -- redacted, and with its room.
  create table relations (
    nid bigint primary key,
    pos bigint not null,
    room_nid int not null,
    type_nid int not null,
    sender_nid int not null,
    parent_id bytea not null,
    rel_type text collate "C" not null,
    key bytea
  );

  create index relations_by_parent on relations (parent_id, pos);
  create index relations_by_sender on relations (parent_id, rel_type, sender_nid);

  -- The threads of each room by their latest event. A row goes with the last event of its thread, and with its room.
  create table threads (
    last_pos bigint not null,
    room_nid int not null,
    root_id bytea not null,
    primary key (root_id, room_nid)
  );

  create index threads_by_room on threads (room_nid, last_pos);
`

const parameters = 'r_slot int[], r_parent bytea[], r_type text[], r_key bytea[],'

const declarations = `
    broken_parents bytea[];
    broken_rooms int[];
`

const insertion = `
    if cardinality(r_slot) > 0 then
      insert into relations (nid, pos, room_nid, type_nid, sender_nid, parent_id, rel_type, key)
      select shift[e_commit[r.slot]] + r.slot, shift[e_commit[r.slot]] + r.slot, c_room[e_commit[r.slot]],
             e_type[r.slot], e_sender[r.slot], r.parent, r.type, r.key
        from unnest(r_slot, r_parent, r_type, r_key) r(slot, parent, type, key)
       where shift[e_commit[r.slot]] is not null;
      if 'm.thread' = any (r_type) then
        insert into threads as t (last_pos, room_nid, root_id)
        select max(shift[e_commit[r.slot]] + r.slot), c_room[e_commit[r.slot]], r.parent
          from unnest(r_slot, r_parent, r_type) r(slot, parent, type)
         where r.type = 'm.thread' and shift[e_commit[r.slot]] is not null
         group by c_room[e_commit[r.slot]], r.parent
            on conflict (root_id, room_nid) do update set last_pos = greatest(t.last_pos, excluded.last_pos);
      end if;
    end if;
`

const deletion = `
      with broken as (
        delete from relations r
         using unnest(x_slot, x_target) x(slot, target)
         where r.nid = commit_ref(x.target, shift[e_commit[x.slot]]) and r.room_nid = c_room[e_commit[x.slot]]
         returning r.parent_id, r.room_nid, r.rel_type)
      select array_agg(parent_id), array_agg(room_nid) into broken_parents, broken_rooms
        from broken where rel_type = 'm.thread';
      if broken_parents is not null then
        delete from threads t
         using unnest(broken_parents, broken_rooms) b(root_id, room_nid)
         where t.root_id = b.root_id and t.room_nid = b.room_nid
           and not exists (select 1 from relations r
                            where r.parent_id = t.root_id and r.rel_type = 'm.thread' and r.room_nid = t.room_nid);
        update threads t
           set last_pos = (select r.pos from relations r
                            where r.parent_id = t.root_id and r.rel_type = 'm.thread' and r.room_nid = t.room_nid
                            order by r.parent_id desc, r.pos desc limit 1)
          from unnest(broken_parents, broken_rooms) b(root_id, room_nid)
         where t.root_id = b.root_id and t.room_nid = b.room_nid;
      end if;
`

/** The function of 0002 with what follows from relations, and from redactions that break them. */
function commitFunctionWithRelations(): string {
  const start = commitFunction.indexOf('create function hearth_commit')
  const splices: readonly (readonly [before: string, text: string])[] = [
    ['out prev_pos bigint', parameters],
    ['begin\n    -- From here', declarations],
    ['if cardinality(x_slot) > 0 then', insertion],
    ['insert into redactions', deletion],
  ]
  return splices.reduce((text, [before, addition]) => {
    if (text.split(before).length !== 2) throw new Error(`the function does not have one ${before}`)
    return text.replace(before, () => `${addition.trim()}\n    ${before}`)
  }, commitFunction.slice(start))
}
