import { SimulatedRoom, SimulatedWorld } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, it } from 'vitest'

const seeds = Array.from({ length: 50 }, (_, index) => index + 1)

/** `npm run test:faults` tries many more. */
describe('rooms on servers between which requests get lost, repeated, late and out of order', () => {
  let world: SimulatedWorld

  beforeAll(async () => {
    world = await SimulatedWorld.start(['one.test', 'two.test', 'three.test'])
  })
  afterAll(() => world[Symbol.asyncDispose]())

  it.each(seeds)('are the same everywhere in the end, and as the specification has them: seed %i', (seed) =>
    new SimulatedRoom(world, seed).run(),
  )
})
