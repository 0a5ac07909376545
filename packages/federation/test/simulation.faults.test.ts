import { SimulatedRoom, SimulatedWorld } from '@hearth/test-kit'
import { describe, expect, it } from 'vitest'

const count = 2_000
/** Servers are started anew after so many rooms: what they remember of earlier ones is not what is tried here. */
const roomsOfWorld = 100

describe('rooms on servers between which requests get lost, repeated, late and out of order', () => {
  const worlds = Array.from({ length: count / roomsOfWorld }, (_, index) => index * roomsOfWorld)

  it.each(worlds)(
    'are the same everywhere in the end, and as the specification has them: seeds from %i on',
    async (first) => {
      await using world = await SimulatedWorld.start(['one.test', 'two.test', 'three.test'])
      const failures: unknown[] = []
      for (let seed = first; seed < first + roomsOfWorld; seed++) {
        await new SimulatedRoom(world, 1_000 + seed).run().catch((error: unknown) => failures.push(error))
      }
      expect(failures).toEqual([])
    },
  )
})
