import type { EventId } from '@hearth/protocol'
import { Oracle } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stateTupleKey, type RoomVersionId } from '../src/index.ts'
import { RandomRoom, type Resolution } from './random-room.ts'

const roomsAtOnce = 100

/** For each algorithm its room versions, and how many random rooms of each. */
const algorithms: readonly (readonly [name: string, versions: readonly RoomVersionId[], roomsOfEach: number])[] = [
  ['v1', ['1'], 2000],
  ['v2', ['2', '3', '4', '5', '6', '7', '8', '9', '10', '11'], 200],
  ['v2.1', ['12'], 2000],
]

/** For each resolution of a room the type, state key and event id of every entry of the resolved state. */
type Resolved = [type: string, stateKey: string, eventId: EventId][][]

/** Against Synapse's own functions. */
describe('state resolution of random rooms', () => {
  let oracle: Oracle
  beforeAll(async () => {
    oracle = await Oracle.start()
  })
  afterAll(() => oracle[Symbol.asyncDispose]())

  it.for(algorithms)('by algorithm %s is what Synapse resolves to', async ([, versions, roomsOfEach]) => {
    const disagreements: string[] = []
    let conflicts = 0
    let compareLast = async () => {}
    for (const rooms of batches(versions, roomsOfEach)) {
      // Synapse resolves these rooms while the next ones are made.
      const answers = oracle.ask<Resolved>('resolve', rooms.map(caseOf))
      await compareLast()
      compareLast = async () => {
        for (const [index, answer] of (await answers).entries()) {
          disagreements.push(...disagreementsOf(rooms[index]!, answer.value))
        }
      }
      conflicts += rooms.flatMap(({ resolutions }) => resolutions.filter(isConflict)).length
    }
    await compareLast()
    expect(disagreements).toEqual([])
    expect(conflicts).toBeGreaterThan(2000)
  })
})

function* batches(versions: readonly RoomVersionId[], roomsOfEach: number): Iterable<RandomRoom[]> {
  for (const version of versions) {
    for (let made = 0; made < roomsOfEach; made += roomsAtOnce) {
      const first = Number(version) * 1_000_000 + made
      yield Array.from({ length: roomsAtOnce }, (_, index) => new RandomRoom(version, first + index))
    }
  }
}

function caseOf({ version, events, resolutions }: RandomRoom): object {
  return {
    version: version.id,
    events: [...events.values()].map(({ pdu }) => pdu),
    resolutions: resolutions.map(({ states }) => states.map((state) => [...state.values()])),
  }
}

/** Whether the result is none of the states that went in: otherwise a resolution may come out right by chance. */
function isConflict({ states, resolved }: Resolution): boolean {
  return !states.some(
    (state) => state.size === resolved.size && [...resolved].every(([key, id]) => state.get(key) === id),
  )
}

function disagreementsOf({ seed, resolutions }: RandomRoom, theirs: Resolved | undefined): string[] {
  return resolutions.flatMap(({ resolved }, place) => {
    const other = new Map(theirs?.[place]?.map(([type, stateKey, id]) => [stateTupleKey(type, stateKey), id]))
    const keys = new Set([...resolved.keys(), ...other.keys()])
    return [...keys]
      .filter((key) => resolved.get(key) !== other.get(key))
      .map((key) => `seed ${seed}, resolution ${place}, ${key}: ${resolved.get(key)}, not ${other.get(key)}`)
  })
}
