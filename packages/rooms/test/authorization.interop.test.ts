import { Oracle } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authorize, roomVersions, type RoomEvent, type RoomVersionId } from '../src/index.ts'
import { RandomAuthCase } from './random-auth-case.ts'

const casesOfEach = 250
const candidatesOfEach = 30

/** True, or the exception and its message. */
type TheirVerdict = true | [exception: string, message: string]

/** Against Synapse's own function. */
describe('authorization of random events in random states', () => {
  let oracle: Oracle
  beforeAll(async () => {
    oracle = await Oracle.start()
  })
  afterAll(() => oracle[Symbol.asyncDispose]())

  it.for(Object.keys(roomVersions) as RoomVersionId[])(
    'of room version %s is what Synapse decides',
    async (version) => {
      const cases = Array.from(
        { length: casesOfEach },
        (_, index) => new RandomAuthCase(version, Number(version) * 1_000_000 + index, candidatesOfEach),
      )
      const answers = await oracle.ask<TheirVerdict[]>('authorize', cases.map(questionAbout))
      const disagreements: string[] = []
      let allowed = 0
      for (const [index, each] of cases.entries()) {
        for (const [place, event] of each.candidates.entries()) {
          const ours = authorize(each.version, event, each.lookup)
          const theirs = answers[index]?.value?.[place]
          if (ours.allowed) allowed++
          if (ours.allowed === (theirs === true)) continue
          if (isKnownDeparture(event, each, theirs)) continue
          disagreements.push(
            `seed ${each.seed}, candidate ${place}: ${JSON.stringify([ours, theirs, described(event)])}`,
          )
        }
      }
      expect(disagreements).toEqual([])
      // Otherwise there would be little to agree on.
      expect(allowed).toBeGreaterThan((casesOfEach * candidatesOfEach) / 10)
    },
  )
})

function questionAbout({ version, state, candidates }: RandomAuthCase): object {
  const indexes = [...state.keys()]
  return {
    version: version.id,
    events: [...state, ...candidates].map(({ pdu }) => pdu),
    checks: candidates.map((_, index) => ({ event: state.length + index, state: indexes })),
  }
}

/**
 * In a room that is closed to other servers, Synapse wants the target of a membership to be of the creator's server too.
 * The specification wants it of the sender only: "If the content of the m.room.create event in the room state has the
 * property m.federate set to false, and the sender domain of the event does not match the sender domain of the create
 * event, reject."
 * {@link https://spec.matrix.org/v1.19/rooms/v11/#authorization-rules}
 */
function isKnownDeparture({ pdu }: RoomEvent, { create }: RandomAuthCase, theirs: TheirVerdict | undefined): boolean {
  if (create.pdu.content['m.federate'] !== false || pdu.type !== 'm.room.member') return false
  const isOfServer = domainOf(pdu.sender) === domainOf(create.pdu.sender)
  return isOfServer && Array.isArray(theirs) && theirs[1].includes('unfederatable')
}

function domainOf(userId: string): string {
  return userId.slice(userId.indexOf(':') + 1)
}

function described({ pdu }: RoomEvent): unknown[] {
  return [pdu.type, pdu.sender, pdu.state_key, pdu.content]
}
