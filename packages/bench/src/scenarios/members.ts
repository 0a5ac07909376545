import type { MatrixClient } from '../client/matrix-client.ts'
import { mapConcurrently, timed } from '../load/concurrency.ts'
import { costOfLargeAnswers } from '../load/large-answers.ts'
import { median } from '../load/statistics.ts'
import type { Measurements } from '../metrics.ts'
import type { LargeRoom, Population } from '../population.ts'
import type { Bench, Scenario } from '../scenario.ts'

const requests = 10
interface InvitedRoom {
  readonly client: MatrixClient
  readonly roomId: string
}

const preparedInvited = new WeakMap<Population, Promise<InvitedRoom>>()
const prepared = new WeakMap<Population, Promise<LargeRoom>>()

/** /members of the room that the fan-out uses. */
export const members: Scenario = {
  name: 'members',
  summary: 'The members of the large room (1,000).',

  async run(bench: Bench): Promise<Measurements> {
    return { membersOfLargeRoom: await medianOf(await bench.population.largeRoom()) }
  },
}

/** /members of 10,000, who have to be registered and to join first. */
export const membersOf10k: Scenario = {
  name: 'members-10000',
  summary: 'The members of a room of 10,000.',
  onlyFull: true,

  async run(bench: Bench): Promise<Measurements> {
    const room = prepared.get(bench.population) ?? bench.population.makeLargeRoom(9999)
    prepared.set(bench.population, room)
    return { membersOf10k: await medianOf(await room) }
  },
}

/** /members of 50,000. Nobody is registered for it: most of them are invited, which is a member event like any other. */
export const membersOf50k: Scenario = {
  name: 'members-50000',
  summary: 'The members of a room of 50,000, nearly all of them invited, and what that takes.',
  onlyFull: true,

  async run({ population, figures, scale: { invitedMembers } }: Bench): Promise<Measurements> {
    const room = preparedInvited.get(population) ?? roomOfInvited(population, invitedMembers)
    preparedInvited.set(population, room)
    const { client, roomId } = await room
    const cost = await costOfLargeAnswers(figures, 5, async () => {
      const count = await client.countMembers(roomId)
      if (count !== invitedMembers) throw new Error(`/members had ${count} of ${invitedMembers}`)
    })
    return {
      membersOf50k: cost.durationMs,
      ...(cost.memoryMB !== undefined && { membersOf50kMemory: cost.memoryMB }),
      ...(cost.stallMs !== undefined && { membersOf50kStall: cost.stallMs }),
    }
  },
}

async function roomOfInvited(population: Population, size: number): Promise<InvitedRoom> {
  const [client] = (await population.clients(1)) as [MatrixClient]
  const roomId = await client.createRoom()
  const server = client.session.userId.slice(client.session.userId.indexOf(':'))
  await mapConcurrently(Array.from({ length: size - 1 }), 32, (_, index) =>
    client.invite(roomId, `@invited${index}${server}`),
  )
  return { client, roomId }
}

async function medianOf(room: LargeRoom): Promise<number> {
  const durations: number[] = []
  for (let turn = 0; turn < requests; turn++) {
    durations.push(
      await timed(async () => {
        const count = await room.sender.countMembers(room.roomId)
        if (count !== room.members.length + 1) throw new Error(`/members had ${count} of ${room.members.length + 1}`)
      }),
    )
  }
  return median(durations)
}
