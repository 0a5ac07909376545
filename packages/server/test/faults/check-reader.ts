import { isDeepStrictEqual } from 'node:util'
import { stateKey, type Reader } from './reader.ts'
import type { SyncedEvent, TestClient } from '@hearth/test-kit'
import type { StoredTruth, TrueEvent } from './stored-truth.ts'

/** Whether a reader has all events of its rooms after a position, each once and in the order in which they are stored. */
export function checkReader(
  name: string,
  reader: Reader,
  roomIds: readonly string[],
  truth: StoredTruth,
  after = 0,
): string[] {
  const problems = reader.problems.map((problem) => `${name}: ${problem}`)
  for (const roomId of roomIds) {
    const expected = truth.rooms.get(roomId)!.events.filter(({ pos }) => pos > after)
    const actual = reader.rooms.get(roomId)?.eventIds ?? []
    const difference = firstDifference(
      expected.map(({ eventId }) => eventId),
      actual,
    )
    if (difference) problems.push(`${name}: the timeline of ${roomId}: ${difference}`)
    if (after > 0) continue
    for (const [key, eventId] of truth.rooms.get(roomId)!.state) {
      const known = reader.rooms.get(roomId)?.state.get(key)
      if (known !== eventId) problems.push(`${name}: the state of ${roomId} has ${known} as ${key}, not ${eventId}`)
    }
  }
  return problems
}

export function checkReadersAccountData(name: string, reader: Reader, userId: string, truth: StoredTruth): string[] {
  const own = [...truth.accountData].filter(([key]) => key.startsWith(`${userId} `))
  return own.flatMap(([key, content]) => {
    const known = reader.accountData.get(key.slice(userId.length + 1))
    return isDeepStrictEqual(known, content) ? [] : [`${name}: account data ${key} is ${JSON.stringify(known)}`]
  })
}

/** Whether the server shows a room's state and its newest events as they are stored. */
export async function checkRoomView(client: TestClient, roomId: string, truth: StoredTruth): Promise<string[]> {
  const problems: string[] = []
  const { events, state } = truth.rooms.get(roomId)!
  const path = `rooms/${encodeURIComponent(roomId)}`
  const shown = (await client.get(`${path}/state`))['list'] as unknown as SyncedEvent[]
  const shownState = new Map(shown.map((event) => [stateKey(event), event.event_id]))
  for (const key of new Set([...shownState.keys(), ...state.keys()])) {
    if (shownState.get(key) === state.get(key)) continue
    problems.push(`GET /state of ${roomId} has ${shownState.get(key)} as ${key}, not ${state.get(key)}`)
  }
  const page = (await client.get(`${path}/messages`, { dir: 'b', limit: 100 }))['chunk'] as SyncedEvent[]
  const newest = events.slice(-100)
  const difference = firstDifference(
    newest.map(({ eventId }) => eventId),
    page.map((event) => event.event_id).reverse(),
  )
  if (difference) problems.push(`GET /messages of ${roomId}: ${difference}`)
  const byId = new Map(newest.map((event) => [event.eventId, event]))
  for (const event of page) {
    const stored = byId.get(event.event_id)
    if (stored && !showsContent(event, stored)) {
      problems.push(`GET /messages shows ${event.event_id} as ${JSON.stringify(event.content)}`)
    }
  }
  return problems
}

function showsContent(event: SyncedEvent, { content, isRedacted }: TrueEvent): boolean {
  // Clients are told what a redaction redacts in the content as well, in rooms of every version.
  const { redacts } = event
  const shown = redacts === undefined ? content : { ...content, redacts }
  return isDeepStrictEqual(event.content, shown) && (event.unsigned?.['redacted_because'] !== undefined) === isRedacted
}

function firstDifference(expected: readonly string[], actual: readonly string[]): string | undefined {
  const index = expected.findIndex((eventId, i) => actual[i] !== eventId)
  if (index < 0 && actual.length === expected.length) return undefined
  const at = index < 0 ? expected.length : index
  const twice = actual.length - new Set(actual).size
  return (
    `${actual.length} events, ${twice} of them twice, instead of ${expected.length}; ` +
    `the first difference is at ${at}: ${actual[at]} instead of ${expected[at]}`
  )
}
