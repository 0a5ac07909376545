import { EMPTY_STATE_KEY, wellKnownTypes, type Store } from '@hearth/store'

/** Whether the rows that the directory shows are what the rooms are now. Their consumer has to have caught up. */
export async function checkStatistics(store: Store, complain: (problem: string) => void): Promise<void> {
  const rows = await store.database.query<{ roomId: string; shown: number | null; joined: number }>(
    null,
    `select room_id as "roomId", s.joined as shown,
            (select count(*) from current_state c where c.room_nid = r.nid and c.membership = 1) as joined
       from rooms r left join room_statistics s on s.room_nid = r.nid`,
  )
  for (const { roomId, shown, joined } of rows) {
    if (shown !== joined) complain(`room ${roomId}: ${joined} are joined, the statistics say ${shown}`)
  }
  const names = await store.database.query<{ roomId: string }>(
    null,
    `select room_id as "roomId" from rooms r join room_statistics s on s.room_nid = r.nid
       left join current_state c on c.room_nid = r.nid and c.type_nid = $1 and c.skey_nid = $2
       left join events e on e.nid = c.nid
      where s.name is distinct from nullif(e.json::json -> 'content' ->> 'name', '')`,
    [wellKnownTypes['m.room.name'], EMPTY_STATE_KEY],
  )
  for (const { roomId } of names) complain(`room ${roomId}: the statistics have another name`)
}
