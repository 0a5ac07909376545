import type { Store } from '@hearth/store'

/** The positions of the stream. */
export interface StreamPositions {
  readonly head: number
  /**
   * Positions up to the head that hold nothing: those of account data that was set again since, and no others, which only
   * somebody can tell who knows what was set.
   */
  readonly unused: readonly number[]
}

/** Whether every position belongs to one change at most, and everything that follows the stream is within it. */
export async function checkStream(store: Store, complain: (problem: string) => void): Promise<StreamPositions> {
  const head = await store.streams.position()
  const rows = await store.database.query<{ pos: number }>(
    null,
    'select stream_pos as pos from events where stream_pos > 0 union all select pos from account_data union all select pos from receipts union all select pos from to_device union all select pos from outside_membership order by pos',
  )
  const unused: number[] = []
  let last = 0
  for (const { pos } of rows) {
    if (pos === last) complain(`position ${pos} belongs to several changes`)
    for (let hole = last + 1; hole < pos; hole += 1) unused.push(hole)
    last = pos
  }
  for (let hole = last + 1; hole <= head; hole += 1) unused.push(hole)
  if (last > head) complain(`the head is ${head}, but there is a change at ${last}`)
  await checkReferences(store, complain)
  return { head, unused }
}

const references = {
  'client transactions of no event':
    'select count(*) as n from client_txn t left join events e using (nid) where e.nid is null',
  'events of several transactions': 'select count(*) - count(distinct nid) as n from client_txn',
  'heads of no room':
    'select count(*) as n from room_head h left join rooms r on r.nid = h.room_nid where r.nid is null',
  'rooms without a head':
    'select count(*) as n from rooms r left join room_head h on r.nid = h.room_nid where h.room_nid is null and not deleting and exists (select from events e where e.room_nid = r.nid and e.stream_pos is not null)',
  'consumers that are ahead': 'select count(*) as n from consumer_cursor where pos > (select pos from stream_head)',
  'redactions of what is not redacted': `select count(*) as n from redactions r join events e on e.nid = r.target_nid
    where e.redacted_by is null`,
  'redacted events without a redaction': `select count(*) as n from events e left join redactions r
    on r.nid = e.redacted_by and r.target_nid = e.nid where e.redacted_by is not null and r.nid is null`,
}

async function checkReferences(store: Store, complain: (problem: string) => void): Promise<void> {
  for (const [what, statement] of Object.entries(references)) {
    const [row] = await store.database.query<{ n: number }>(null, statement)
    if (row!.n > 0) complain(`there are ${row!.n} ${what}`)
  }
}
