import { authEventIds, prevEventIds } from '@hearth/rooms'
import type { Store } from '@hearth/store'
import { isAccepted } from './check-events.ts'
import type { StoredRoom } from './stored-room.ts'

/** Whether the edges of the room's graph lead somewhere, and the head is where the graph ends. */
export async function checkGraph(store: Store, room: StoredRoom, complain: (problem: string) => void): Promise<void> {
  const byId = new Map(room.events.map((event) => [event.row.eventId, event]))
  const beside = new Set<string>(room.outliers.map(({ row }) => row.eventId))
  const referenced = new Set<string>()
  for (const { row, pdu } of room.events) {
    const previous = prevEventIds(pdu)
    if (previous.length === 0 && pdu.type !== 'm.room.create') complain(`event ${row.nid} follows no event`)
    for (const id of previous) {
      referenced.add(id)
      const earlier = byId.get(id)
      if (earlier === undefined) {
        if (!room.missing.has(id) && !beside.has(id)) complain(`event ${row.nid} follows ${id}, which is not there`)
        continue
      }
      if (earlier.row.streamPos! >= row.streamPos!) complain(`event ${row.nid} stands before what it follows`)
      else if (earlier.row.depth >= row.depth) complain(`event ${row.nid} is not deeper than what it follows`)
    }
    for (const id of authEventIds(pdu)) {
      if (!byId.has(id) && !beside.has(id)) complain(`event ${row.nid} is allowed by ${id}, which is not there`)
    }
  }
  checkHead(room, referenced, complain)
  await checkAuthGraph(store, room, complain)
}

function checkHead(
  { head, events, missing }: StoredRoom,
  referenced: ReadonlySet<string>,
  complain: (problem: string) => void,
): void {
  if (!head) {
    if (events.length > 0) complain('it has events, but no head')
    return
  }
  const accepted = events.filter(isAccepted)
  const ends = accepted.filter(({ row }) => !referenced.has(row.eventId)).map(({ row }) => row.nid)
  // What came before a gap is not led on by what comes after it.
  const gapless = missing.size === 0 || !head.extremities.every((nid) => ends.includes(nid))
  if (gapless && !areSame(ends, head.extremities)) {
    complain(`its extremities are ${ends.join()}, its head says ${head.extremities.join()}`)
  }
  const depth = accepted.reduce((greatest, { row }) => Math.max(greatest, row.depth), 0)
  if (depth !== head.depth) complain(`its depth is ${depth}, its head says ${head.depth}`)
  const lastPos = events.at(-1)?.row.streamPos
  if (lastPos !== head.lastPos) complain(`its last position is ${lastPos}, its head says ${head.lastPos}`)
}

/** The packed auth edges of state events, against those in the JSON. */
async function checkAuthGraph(
  store: Store,
  { nid: roomNid, events, outliers }: StoredRoom,
  complain: (problem: string) => void,
): Promise<void> {
  const all = [...events, ...outliers]
  const nids = new Map(all.map(({ row }) => [row.eventId as string, row.nid]))
  const stored = new Map((await store.stateEvents.listByRoom(roomNid)).map((row) => [row.nid, row]))
  for (const { row, pdu } of all) {
    const edges = stored.get(row.nid)
    stored.delete(row.nid)
    if ((edges === undefined) !== (row.stateKeyNid === null)) complain(`event ${row.nid}: its state row is wrong`)
    if (!edges) continue
    const named = authEventIds(pdu).map((id) => nids.get(id) ?? 0)
    if (!areSame(named, edges.auth)) {
      complain(`event ${row.nid}: its auth events are ${named.join()}, its row says ${edges.auth.join()}`)
    }
    if (edges.typeNid !== row.typeNid || edges.stateKeyNid !== row.stateKeyNid) {
      complain(`event ${row.nid}: its state row has another key`)
    }
  }
  for (const nid of stored.keys()) complain(`there is a state row of ${nid}, which is no event of the room`)
}

function areSame(some: readonly number[], others: readonly number[]): boolean {
  const inOrder = (nids: readonly number[]): string => nids.toSorted((a, b) => a - b).join()
  return inOrder(some) === inOrder(others)
}
