/**
 * `hearth_commit`: one batch of room commits in one round trip.
 *
 * Parameters are parallel arrays, by prefix: `c_` room commits, `e_` events, `t_` client transactions, `s_` state events,
 * `k_` keys of current states, `l_` local memberships, `v_` servers in rooms, `x_` redactions, `p_` events whose redaction
 * came first, `m_` merged states, `n_` new rooms, `h_` heads with several extremities.
 *
 * A slot is an event's index among all events of the batch, from 1. A reference is a nid, or a slot as a negative number.
 * `shift[i]` is what to add to a slot of commit i to get the event's position; null for a commit that is not written.
 */
export const commitFunction = `
  create function commit_ref(ref bigint, shift bigint) returns bigint language sql immutable as
    'select case when ref < 0 then shift - ref else ref end';

  create function hearth_commit(
    c_room int[], c_expected bigint[], c_size int[], c_last_slot int[], c_depth bigint[], c_state bigint[], c_tip bigint[],
    e_commit int[], e_id bytea[], e_json text[], e_type int[], e_skey int[], e_sender int[], e_flags smallint[],
    e_depth bigint[], e_ts bigint[], e_state bigint[], e_replaces bigint[],
    t_slot int[], t_device bigint[], t_key uuid[], t_txn text[],
    s_slot int[], s_base bigint[], s_auth bytea[],
    k_commit int[], k_type int[], k_skey int[], k_ref bigint[], k_membership smallint[],
    l_commit int[], l_user int[], l_ref bigint[], l_membership smallint[],
    v_commit int[], v_server int[], v_delta int[], v_join bigint[], v_leave bigint[],
    x_slot int[], x_target bigint[], x_target_id bytea[], x_json text[],
    p_slot int[], p_redaction bigint[],
    m_commit int[], m_state bigint[], m_base bigint[], m_data bytea[],
    n_commit int[], n_room_id text[], n_version text[],
    h_commit int[], h_ref bigint[],
    out prev_pos bigint, out shift bigint[], out last_pos bigint[],
    out dup_slot int[], out dup_nid bigint[], out dup_flags smallint[], out dup_id bytea[]
  )
  language plpgsql
  -- The plans are made once, perhaps on empty tables, and must still be right when these have grown: only index lookups
  -- are, for a batch of any size.
  set plan_cache_mode = 'force_generic_plan'
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
  as $$
  declare
    wanted constant bigint := cardinality(e_commit);
    lost bigint := 0;
    lost_commits int[];
  begin
    -- From here to the end of the transaction nobody else takes a position, so nobody else moves a room's head.
    update stream_head set pos = pos + wanted where id = 1 returning pos - wanted into prev_pos;

    -- -1: there is no room to write a first event of.
    select array_agg(case when h.last_pos is not null then h.last_pos
                          when c.expected = 0 and (r.deleting or r.nid is null and not c.i = any (n_commit)) then -1
                          else 0 end order by c.i)
      into last_pos
      from unnest(c_room, c_expected) with ordinality c(room_nid, expected, i)
      left join room_head h on h.room_nid = c.room_nid
      left join rooms r on r.nid = c.room_nid and c.expected = 0;

    if cardinality(t_slot) > 0 then
      select array_agg(t.slot), array_agg(x.nid), array_agg(e.flags), array_agg(e.event_id), array_agg(e_commit[t.slot])
        into dup_slot, dup_nid, dup_flags, dup_id, lost_commits
        from unnest(t_slot, t_device, t_key) t(slot, device_nid, key)
        join client_txn x on x.device_nid = t.device_nid and x.key = t.key
        join events e on e.nid = x.nid;
    end if;

    if last_pos = c_expected and lost_commits is null then
      shift := array_fill(prev_pos, array[cardinality(c_room)]);
    else
      for i in 1 .. cardinality(c_room) loop
        if last_pos[i] = c_expected[i] and not i = any (coalesce(lost_commits, '{}')) then
          shift[i] := prev_pos - lost;
        else
          shift[i] := null;
          lost := lost + c_size[i];
        end if;
      end loop;
      update stream_head set pos = pos - lost where id = 1;
      if lost = wanted then return; end if;
    end if;

    if cardinality(n_commit) > 0 then
      insert into rooms (nid, room_id, version)
      select c_room[n.commit], n.room_id, n.version
        from unnest(n_commit, n_room_id, n_version) n(commit, room_id, version) where shift[n.commit] is not null;
    end if;

    insert into events (nid, stream_pos, state_nid, depth, ts, replaces_nid, room_nid, type_nid, skey_nid, sender_nid,
                        flags, event_id, json)
    select shift[e.commit] + e.slot, shift[e.commit] + e.slot, commit_ref(e.state, shift[e.commit]), e.depth, e.ts,
           commit_ref(e.replaces, shift[e.commit]), c_room[e.commit], e.type, e.skey, e.sender, e.flags, e.id, e.json
      from unnest(e_commit, e_id, e_json, e_type, e_skey, e_sender, e_flags, e_depth, e_ts, e_state, e_replaces)
           with ordinality e(commit, id, json, type, skey, sender, flags, depth, ts, state, replaces, slot)
     where shift[e.commit] is not null;

    if cardinality(t_slot) > 0 then
      insert into client_txn (nid, device_nid, key, txn_id)
      select shift[e_commit[t.slot]] + t.slot, t.device_nid, t.key, t.txn_id
        from unnest(t_slot, t_device, t_key, t_txn) t(slot, device_nid, key, txn_id)
       where shift[e_commit[t.slot]] is not null;
    end if;

    if 0 <> any (c_expected) then
      update room_head h
         set last_pos = shift[c.i] + c.last_slot, depth = greatest(h.depth, c.depth),
             state_nid = commit_ref(c.state, shift[c.i]),
             extremities = case when c.tip is not null then array[commit_ref(c.tip, shift[c.i])] else
               (select array_agg(commit_ref(t.ref, shift[c.i]) order by t.i)
                  from unnest(h_commit, h_ref) with ordinality t(commit, ref, i) where t.commit = c.i) end
        from unnest(c_room, c_last_slot, c_depth, c_state, c_tip) with ordinality c(room_nid, last_slot, depth, state, tip, i)
       where h.room_nid = c.room_nid and shift[c.i] is not null and c_expected[c.i] <> 0;
    end if;

    if 0 = any (c_expected) then
      insert into room_head (last_pos, depth, state_nid, room_nid, extremities)
      select shift[c.i] + c.last_slot, c.depth, commit_ref(c.state, shift[c.i]), c.room_nid,
             case when c.tip is not null then array[commit_ref(c.tip, shift[c.i])] else
               (select array_agg(commit_ref(t.ref, shift[c.i]) order by t.i)
                  from unnest(h_commit, h_ref) with ordinality t(commit, ref, i) where t.commit = c.i) end
        from unnest(c_room, c_last_slot, c_depth, c_state, c_tip) with ordinality c(room_nid, last_slot, depth, state, tip, i)
       where shift[c.i] is not null and c_expected[c.i] = 0;
    end if;

    if cardinality(s_slot) > 0 then
      insert into state_events (nid, base_nid, room_nid, type_nid, skey_nid, auth)
      select shift[e_commit[s.slot]] + s.slot, commit_ref(s.base, shift[e_commit[s.slot]]), c_room[e_commit[s.slot]],
             e_type[s.slot], e_skey[s.slot], s.auth
        from unnest(s_slot, s_base, s_auth) s(slot, base, auth) where shift[e_commit[s.slot]] is not null;
    end if;

    if cardinality(k_commit) > 0 then
      insert into current_state as s (nid, room_nid, type_nid, skey_nid, membership)
      select commit_ref(k.ref, shift[k.commit]), c_room[k.commit], k.type, k.skey, k.membership
        from unnest(k_commit, k_type, k_skey, k_ref, k_membership) k(commit, type, skey, ref, membership)
       where shift[k.commit] is not null and k.ref <> 0
          on conflict (room_nid, type_nid, skey_nid) do update set nid = excluded.nid, membership = excluded.membership;
      if 0 = any (k_ref) then
        delete from current_state s
         using unnest(k_commit, k_type, k_skey, k_ref) k(commit, type, skey, ref)
         where k.ref = 0 and shift[k.commit] is not null
           and s.room_nid = c_room[k.commit] and s.type_nid = k.type and s.skey_nid = k.skey;
      end if;
    end if;

    if cardinality(l_commit) > 0 then
      insert into local_membership (nid, pos, user_nid, room_nid, membership)
      select commit_ref(l.ref, shift[l.commit]),
             case when l.ref < 0 then shift[l.commit] - l.ref else shift[l.commit] + c_last_slot[l.commit] end,
             l.user_nid, c_room[l.commit], l.membership
        from unnest(l_commit, l_user, l_ref, l_membership) l(commit, user_nid, ref, membership)
       where shift[l.commit] is not null
          on conflict (user_nid, room_nid) do update
         set nid = excluded.nid, pos = excluded.pos, membership = excluded.membership, forgotten = false;
    end if;

    if cardinality(v_commit) > 0 then
      insert into room_servers as s (since_pos, left_pos, room_nid, server_nid, joined)
      select coalesce(shift[v.commit] - v.entered, shift[v.commit] + c_last_slot[v.commit]),
             case when v.delta <= 0 then shift[v.commit] - v.gone end,
             c_room[v.commit], v.server_nid, v.delta
        from unnest(v_commit, v_server, v_delta, v_join, v_leave) v(commit, server_nid, delta, entered, gone)
       where shift[v.commit] is not null
          on conflict (room_nid, server_nid) do update
         set joined = s.joined + excluded.joined,
             since_pos = case when s.joined > 0 then s.since_pos else excluded.since_pos end,
             left_pos = case when s.joined + excluded.joined > 0 then null else coalesce(excluded.left_pos, s.left_pos) end;
    end if;

    if cardinality(x_slot) > 0 then
      insert into redactions (nid, target_nid, room_nid, target_id)
      select shift[e_commit[x.slot]] + x.slot, commit_ref(x.target, shift[e_commit[x.slot]]), c_room[e_commit[x.slot]],
             x.target_id
        from unnest(x_slot, x_target, x_target_id) x(slot, target, target_id)
       where shift[e_commit[x.slot]] is not null;
      update events e set json = x.json, redacted_by = shift[e_commit[x.slot]] + x.slot
        from unnest(x_slot, x_target, x_json) x(slot, target, json)
       where e.nid = commit_ref(x.target, shift[e_commit[x.slot]]) and e.room_nid = c_room[e_commit[x.slot]]
         and e.redacted_by is null;
    end if;

    if cardinality(p_slot) > 0 then
      update events e set redacted_by = p.redaction_nid from unnest(p_slot, p_redaction) p(slot, redaction_nid)
       where e.nid = shift[e_commit[p.slot]] + p.slot;
      update redactions r set target_nid = shift[e_commit[p.slot]] + p.slot, target_id = null
        from unnest(p_slot, p_redaction) p(slot, redaction_nid)
       where r.nid = p.redaction_nid and shift[e_commit[p.slot]] is not null;
    end if;

    if cardinality(m_commit) > 0 then
      insert into state_node (state_nid, base_nid, origin, room_nid, kind, data)
      select m.state, commit_ref(m.base, shift[m.commit]), shift[m.commit] + c_last_slot[m.commit] + 1, c_room[m.commit],
             1, m.data
        from unnest(m_commit, m_state, m_base, m_data) m(commit, state, base, data) where shift[m.commit] is not null;
    end if;
  end
  $$;
`
