import { canonicalJson } from '@hearth/crypto'
import { contentHash, eventId, redact, roomIdOf } from '@hearth/rooms'
import { eventFlags, type Store } from '@hearth/store'
import type { StoredEvent, StoredRoom } from './stored-room.ts'

/** Numbers from here on are no positions: the event was known before it got its place. */
const firstOffStreamNid = 1024 ** 4

/** Whether each event's row is what its JSON says, and its JSON what its hashes say. */
export async function checkEvents(store: Store, room: StoredRoom, complain: (problem: string) => void): Promise<void> {
  for (const event of [...room.events, ...room.outliers]) {
    for (const fault of [...faultsOfRow(event), ...faultsOfHashes(room, event)]) {
      complain(`event ${event.row.nid}: ${fault}`)
    }
  }
  await checkNames(store, room, complain)
}

function* faultsOfRow({ row, pdu }: StoredEvent): Iterable<string> {
  if (row.streamPos !== null && row.streamPos > 0 && row.streamPos !== row.nid && row.nid < firstOffStreamNid) {
    yield `its position is ${row.streamPos}`
  }
  if (row.depth !== pdu.depth) yield `its row says depth ${row.depth}, its JSON ${pdu.depth}`
  if (row.ts !== pdu.origin_server_ts) yield `its row says time ${row.ts}, its JSON ${pdu.origin_server_ts}`
  if ((row.stateKeyNid === null) !== (pdu.state_key === undefined)) yield 'its row and its JSON differ in the state key'
  if (row.json !== canonicalJson(pdu)) yield 'its JSON is not canonical'
}

function* faultsOfHashes({ id, version }: StoredRoom, { row, pdu }: StoredEvent): Iterable<string> {
  const computed = eventId(version, pdu)
  if (computed !== row.eventId) yield `its id is ${row.eventId}, but its JSON gives ${computed}`
  const roomId = roomIdOf(version, { eventId: computed, pdu })
  if (roomId !== id) yield `it belongs to ${roomId}`
  if (row.redactedBy === null) {
    if (contentHash(version, pdu) !== pdu.hashes.sha256) yield 'its content hash is wrong'
  } else if (canonicalJson(redact(version, pdu)) !== row.json) {
    yield 'it was redacted, but is not pruned'
  }
}

/** The interned names. */
async function checkNames(store: Store, room: StoredRoom, complain: (problem: string) => void): Promise<void> {
  const events = [...room.events, ...room.outliers]
  const types = await store.eventTypes.keysOf([...new Set(events.map(({ row }) => row.typeNid))])
  const senders = await store.users.keysOf([...new Set(events.map(({ row }) => row.senderNid))])
  const stateKeys = await store.stateKeys.keysOf([...new Set(events.flatMap(({ row }) => row.stateKeyNid ?? []))])
  for (const { row, pdu } of events) {
    if (types.get(row.typeNid) !== pdu.type) complain(`event ${row.nid}: its row has another type`)
    if (senders.get(row.senderNid) !== pdu.sender) complain(`event ${row.nid}: its row has another sender`)
    if (row.stateKeyNid !== null && stateKeys.get(row.stateKeyNid) !== pdu.state_key) {
      complain(`event ${row.nid}: its row has another state key`)
    }
  }
}

/** Whether an event takes part in the room's graph. */
export function isAccepted({ row }: StoredEvent): boolean {
  return (row.flags & (eventFlags.rejected | eventFlags.softFailed)) === 0
}
