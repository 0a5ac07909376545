import type { RoomId } from '@hearth/protocol'
import { findRoomVersion, type Pdu, type RoomVersion } from '@hearth/rooms'
import type { EventRow, RoomHead, Store } from '@hearth/store'

/** An event as it is stored, with what its JSON says. */
export interface StoredEvent {
  readonly row: EventRow
  readonly pdu: Pdu
}

/** A room with its whole timeline, read for a check. */
export interface StoredRoom {
  readonly nid: number
  readonly id: RoomId
  readonly version: RoomVersion
  readonly head: RoomHead | undefined
  /** In the order of the stream. */
  readonly events: readonly StoredEvent[]
  /** What is known without a place in the stream: what other servers gave of the room's state, and what was refused. */
  readonly outliers: readonly StoredEvent[]
  /** Events that are known to be missing before others. */
  readonly missing: ReadonlySet<string>
}

const pageSize = 2_000

/** Reads a room; `complain` hears of what cannot even be read. */
export async function readRoom(
  store: Store,
  { nid, roomId, version: versionId }: { nid: number; roomId: RoomId; version: string },
  complain: (problem: string) => void,
): Promise<StoredRoom | undefined> {
  const version = findRoomVersion(versionId)
  if (version === undefined) {
    complain(`unknown room version ${versionId}`)
    return undefined
  }
  const events: StoredEvent[] = []
  const outliers: StoredEvent[] = []
  const keep = (list: StoredEvent[], row: EventRow): void => {
    try {
      list.push({ row, pdu: JSON.parse(row.json) as Pdu })
    } catch {
      complain(`the JSON of event ${row.nid} cannot be read`)
    }
  }
  for (let after = Number.MIN_SAFE_INTEGER, more = true; more;) {
    const range = { after, upTo: Number.MAX_SAFE_INTEGER, direction: 'f', limit: pageSize } as const
    const rows = await store.events.listRoomEvents(nid, range)
    for (const row of rows) keep(events, row)
    more = rows.length === pageSize
    after = rows.at(-1)?.streamPos ?? after
  }
  const beside = await store.database.query<{ nid: number }>(
    null,
    'select nid from events where room_nid = $1 and stream_pos is null order by nid',
    [nid],
  )
  for (let start = 0; start < beside.length; start += pageSize) {
    const nids = beside.slice(start, start + pageSize).map((row) => row.nid)
    for (const row of await store.events.findByNids(nids)) keep(outliers, row)
  }
  const gaps = await store.backwardExtremities.list(nid, 1_000)
  const missing = new Set<string>(gaps.map((gap) => gap.missing))
  return { nid, id: roomId, version, head: await store.roomHeads.find(nid), events, outliers, missing }
}
