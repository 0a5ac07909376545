import { prevEventIds } from '@hearth/rooms'
import { StateMap, type Store } from '@hearth/store'
import { checkMemberships } from './check-memberships.ts'
import type { StoredEvent, StoredRoom } from './stored-room.ts'

/** How often a stored state is loaded and compared, in state events. */
const stride = 50

/**
 * Whether the states of a room are what its events make of each other, as long as its graph is a chain, and whether what
 * is derived from the current one is right.
 */
export async function checkState(
  store: Store,
  room: StoredRoom,
  serverName: string,
  complain: (problem: string) => void,
): Promise<void> {
  if (!room.head) return
  const replayed = await replay(store, room, complain)
  const state = await store.states.load(room.nid, room.head.stateNid)
  if (replayed) compare('its stored state', replayed, state, complain)

  const current = await store.database.query<{ type: number; key: number; nid: number }>(
    null,
    'select type_nid as type, skey_nid as key, nid from current_state where room_nid = $1',
    [room.nid],
  )
  const derived = StateMap.of(current.map(({ type, key, nid }) => ({ typeNid: type, stateKeyNid: key, nid })))
  compare('its current state', state, derived, complain)
  await checkMemberships(store, room, state, serverName, complain)
}

/** The state at the end of a chain; undefined where the graph forks, because that takes state resolution. */
async function replay(
  store: Store,
  { nid: roomNid, events, head }: StoredRoom,
  complain: (problem: string) => void,
): Promise<StateMap | undefined> {
  let state = StateMap.empty
  let stateNid = 0
  let previous: StoredEvent | undefined
  let sinceLoad = 0
  const bases = await storedBases(store, roomNid)
  /** What came from another server as a whole has a number of its own, and must be the same. */
  const follow = async (what: string, nid: number | null): Promise<void> => {
    if (nid === stateNid) return
    if (nid === null) complain(`${what} is not known, but is ${stateNid}`)
    else compare(what, state, await store.states.load(roomNid, nid), complain)
    stateNid = nid ?? stateNid
  }
  for (const event of events) {
    const { row, pdu } = event
    if (prevEventIds(pdu).join() !== (previous?.row.eventId ?? '')) return undefined
    previous = event
    if (row.stateKeyNid !== null) {
      await follow(`the state before event ${row.nid}`, bases.get(row.nid) ?? null)
      state = state.with(row.typeNid, row.stateKeyNid, row.nid)
      stateNid = row.nid
      sinceLoad += 1
    }
    await follow(`the state after event ${row.nid}`, row.stateNid)
    if (sinceLoad === stride) {
      sinceLoad = 0
      compare(`the stored state ${stateNid}`, state, await store.states.load(roomNid, stateNid), complain)
    }
  }
  await follow('the state at its head', head!.stateNid)
  return state
}

async function storedBases(store: Store, roomNid: number): Promise<Map<number, number | null>> {
  const rows = await store.database.query<{ nid: number; base: number | null }>(
    null,
    'select nid, base_nid as base from state_events where room_nid = $1',
    [roomNid],
  )
  return new Map(rows.map(({ nid, base }) => [nid, base]))
}

function compare(what: string, expected: StateMap, actual: StateMap, complain: (problem: string) => void): void {
  for (const { typeNid, stateKeyNid, before, after } of expected.diff(actual)) {
    complain(`${what} has ${after} under ${typeNid}:${stateKeyNid}, but it is ${before}`)
  }
}
