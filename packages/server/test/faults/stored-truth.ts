import type { JsonObject } from '@hearth/protocol'
import { createLogger } from '@hearth/runtime'
import { Database } from '@hearth/store'

/** An event of the database, as far as clients can tell. */
export interface TrueEvent {
  readonly eventId: string
  readonly pos: number
  readonly content: JsonObject
  readonly isRedacted: boolean
}

export interface TrueRoom {
  /** In the order of the stream. */
  readonly events: readonly TrueEvent[]
  /** Event ids by type and state key. */
  readonly state: ReadonlyMap<string, string>
}

/** What the database holds, read around the server. */
export interface StoredTruth {
  readonly head: number
  readonly rooms: ReadonlyMap<string, TrueRoom>
  /** The content of account data by user and type. */
  readonly accountData: ReadonlyMap<string, JsonObject>
}

interface Row {
  readonly roomId: string
  readonly nid: number
  readonly pos: number
  readonly id: Buffer
  readonly flags: number
  readonly json: string
  readonly redactedBy: number | null
}

export async function readTruth(url: string): Promise<StoredTruth> {
  const database = await Database.open({ url, logger: createLogger({ level: 'error' }), poolSize: 2 })
  try {
    const [head] = await database.query<{ pos: number }>(null, 'select pos from stream_head')
    const rooms = new Map<string, { events: TrueEvent[]; state: Map<string, string> }>()
    const byNid = new Map<number, TrueEvent>()
    const rows = await database.query<Row>(
      null,
      `select room_id as "roomId", e.nid, stream_pos as pos, event_id as id, flags, json, redacted_by as "redactedBy"
         from events e join rooms r on r.nid = e.room_nid where stream_pos > 0 order by stream_pos`,
    )
    for (const row of rows) {
      const event = eventOf(row)
      byNid.set(row.nid, event)
      const room = rooms.get(row.roomId) ?? { events: [], state: new Map<string, string>() }
      rooms.set(row.roomId, room)
      room.events.push(event)
    }
    const state = await database.query<{ roomId: string; nid: number; type: string; key: string }>(
      null,
      `select room_id as "roomId", c.nid, type, key from current_state c join rooms r on r.nid = c.room_nid
         join event_types t on t.nid = c.type_nid join state_keys k on k.nid = c.skey_nid`,
    )
    for (const { roomId, nid, type, key } of state) {
      rooms.get(roomId)?.state.set(`${type} ${key}`, byNid.get(nid)?.eventId ?? `no event ${nid}`)
    }
    const data = await database.query<{ userId: string; type: string; content: string }>(
      null,
      'select user_id as "userId", type, content from account_data a join users u on u.nid = a.user_nid',
    )
    const accountData = new Map(
      data.map(({ userId, type, content }) => [`${userId} ${type}`, JSON.parse(content) as JsonObject]),
    )
    return { head: head!.pos, rooms, accountData }
  } finally {
    await database.close()
  }
}

/** Free text is the spelling of room versions 1 and 2; the others' ids are hashes in the URL-safe alphabet. */
const FREE_TEXT = 2

function eventOf({ id, flags, pos, json, redactedBy }: Row): TrueEvent {
  const { content } = JSON.parse(json) as { content: JsonObject }
  const eventId = (flags & 3) === FREE_TEXT ? id.toString('utf8') : `$${id.toString('base64url')}`
  return { eventId, pos, content, isRedacted: redactedBy !== null }
}
