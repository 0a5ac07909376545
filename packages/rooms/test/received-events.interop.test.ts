import type { EventId, JsonObject, JsonValue } from '@hearth/protocol'
import { Oracle } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  authEventIds,
  authorize,
  checkAuthEventsOf,
  referenceTo,
  roomVersions,
  type EventDraft,
  type RoomEvent,
  type RoomVersion,
  type RoomVersionId,
} from '../src/index.ts'
import { identifiedEvent } from './identified-event.ts'
import { RandomAuthCase } from './random-auth-case.ts'
import { SeededRandom } from './seeded-random.ts'

/** The memberships that the join rules decide on. */
const underJoinRules: readonly JsonValue[] = ['join', 'invite', 'knock']

type TheirVerdict = true | [exception: string, message: string]

/** What can be checked of an event without the state of its room, against Synapse's own function. */
describe.each(Object.keys(roomVersions) as RoomVersionId[])('received events of room version %s', (id) => {
  const version = roomVersions[id]
  let oracle: Oracle
  beforeAll(async () => {
    oracle = await Oracle.start()
  })
  afterAll(() => oracle[Symbol.asyncDispose]())

  it('may name the auth events that they may name for Synapse', async () => {
    const random = new SeededRandom(Number(id))
    const cases = Array.from({ length: 40 }, (_, index) => new RandomAuthCase(id, index, 10))
    const received = cases.flatMap((each) =>
      each.candidates.map((event) => withAuthEvents(version, event, each, random)),
    )
    await expectSameVerdicts(
      received.map(({ event, authEvents, rejected, known }) => {
        const marked = authEvents.map((each) => ({ ...each, rejected: rejected.includes(each.eventId) }))
        return { ours: checkAuthEventsOf(version, event, marked).allowed, event, known, rejected }
      }),
    )
  })

  it('may create a room as they may for Synapse', async () => {
    const random = new SeededRandom(Number(id))
    const events = Array.from({ length: 400 }, () => createEvent(version, random))
    await expectSameVerdicts(
      events.map((event) => ({
        ours: authorize(version, event, () => undefined).allowed,
        event,
        known: [],
        rejected: [],
      })),
    )
  })

  async function expectSameVerdicts(
    checks: readonly { ours: boolean; event: RoomEvent; known: readonly RoomEvent[]; rejected: EventId[] }[],
  ): Promise<void> {
    const answers = await oracle.ask<TheirVerdict>(
      'authorize_alone',
      checks.map(({ event, known, rejected }) => ({
        version: id,
        event: event.pdu,
        events: known.map(({ pdu }) => pdu),
        rejected,
      })),
    )
    const disagreements = checks.flatMap(({ ours, event }, index) => {
      const theirs = answers[index]?.value
      return ours === (theirs === true) ? [] : [JSON.stringify([index, ours, theirs, event.pdu])]
    })
    expect(disagreements).toEqual([])
    expect(checks.some(({ ours }) => ours)).toBe(true)
    expect(checks.some(({ ours }) => !ours)).toBe(true)
  }
})

/** Names random events of the state as its auth events: mostly those it should, and mostly not rejected ones. */
function withAuthEvents(version: RoomVersion, { pdu }: RoomEvent, { state }: RandomAuthCase, random: SeededRandom) {
  const isCreate = (event: RoomEvent) => event.pdu.type === 'm.room.create'
  const isNeeded = (event: RoomEvent) =>
    isCreate(event)
      ? version.createIsAuthEvent
      : event.pdu.type === 'm.room.power_levels' ||
        (event.pdu.type === 'm.room.join_rules' && underJoinRules.includes(pdu.content['membership'] ?? '')) ||
        (event.pdu.type === 'm.room.member' && event.pdu.state_key === pdu.sender)
  const authEvents = state.filter((event) => random.chance(isNeeded(event) ? 0.97 : 0.02))
  if (random.chance(0.05) && authEvents.length > 0) authEvents.push(random.pick(authEvents))
  const draft = { ...pdu, auth_events: authEvents.map((event) => referenceTo(version, event)) }
  const event = identifiedEvent(version, draft, random)
  const rejected = random.chance(0.1) ? authEventIds(event.pdu).slice(0, 1) : []
  return { event, authEvents, rejected, known: state }
}

function createEvent(version: RoomVersion, random: SeededRandom): RoomEvent {
  const mostly = <T extends JsonValue | undefined>(usual: T, ...others: T[]): T =>
    random.chance(0.8) ? usual : random.pick(others)
  const content = {
    room_version: mostly<JsonValue | undefined>(version.id, undefined, '999', 11, null),
    creator: mostly<string | undefined>('@alice:hs1', undefined, '@bob:hs2'),
    additional_creators: mostly<JsonValue | undefined>(undefined, [], ['@bob:hs2'], ['bob'], '@bob:hs2', [1], {}),
  }
  const usualRoomId = version.roomIds === 'assigned' ? '!room:hs1' : undefined
  const roomId = mostly<string | undefined>(usualRoomId, '!room:hs2', '!room:hs1')
  const draft: EventDraft = {
    type: 'm.room.create',
    sender: '@alice:hs1',
    state_key: '',
    // Without the members that are undefined.
    content: JSON.parse(JSON.stringify(content)) as JsonObject,
    depth: 1,
    origin_server_ts: 1,
    prev_events: [],
    auth_events: [],
    ...(roomId !== undefined && { room_id: roomId }),
  }
  const event = identifiedEvent(version, draft, random)
  if (random.chance(0.9)) return event
  return identifiedEvent(version, { ...draft, prev_events: [referenceTo(version, event)] }, random)
}
