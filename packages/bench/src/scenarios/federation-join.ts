import { buildEvent, type EventDraft } from '@hearth/rooms'
import type { FakePeer } from '@hearth/test-kit'
import { ServedRoom } from '../federation/served-room.ts'
import { costOfLargeAnswers, type LargeAnswerCost } from '../load/large-answers.ts'
import { timed } from '../load/concurrency.ts'
import { median } from '../load/statistics.ts'
import type { Measurements } from '../metrics.ts'
import type { Bench, Scenario } from '../scenario.ts'

/** Members are spread over so many servers. */
const servers = 20
const servedTurns = 5

/** A room of 10,000 of whom 6,000 have changed their name: 16,000 events; then another server joins it here. */
export const federationJoin: Scenario = {
  name: 'federation-join',
  summary: 'Join of a room of 10,000 that is on other servers, and the answer to a server that joins it then.',
  needsFederation: true,

  async run(bench: Bench): Promise<Measurements> {
    const peers = await bench.federation!.start(servers + 1)
    const joining = peers.pop()!
    try {
      const { cost, served } = await join(bench, peers, bench.scale.joinedMembers)
      const { durationMs, memoryMB, stallMs } = cost
      const durations: number[] = []
      for (let turn = 0; turn < servedTurns; turn++) durations.push(await joinHere(bench, joining, served, turn))
      return {
        remoteJoin: durationMs / 1000,
        ...(memoryMB !== undefined && { remoteJoinMemory: memoryMB }),
        ...(stallMs !== undefined && { remoteJoinStall: stallMs }),
        servedJoin: median(durations),
      }
    } finally {
      await bench.federation!.end([...peers, joining])
    }
  },
}

export const federationLargeJoin: Scenario = {
  name: 'federation-join-50000',
  summary: 'Join of a room of 50,000 that is on other servers.',
  needsFederation: true,
  onlyFull: true,

  async run(bench: Bench): Promise<Measurements> {
    const peers = await bench.federation!.start(servers)
    try {
      const { cost } = await join(bench, peers, bench.scale.joinedManyMembers)
      const { durationMs, memoryMB, stallMs } = cost
      return {
        largeRemoteJoin: durationMs / 1000,
        ...(memoryMB !== undefined && { largeRemoteJoinMemory: memoryMB }),
        ...(stallMs !== undefined && { largeRemoteJoinStall: stallMs }),
      }
    } finally {
      await bench.federation!.end(peers)
    }
  },
}

async function join(
  bench: Bench,
  peers: readonly FakePeer[],
  members: number,
): Promise<{ cost: LargeAnswerCost; served: ServedRoom }> {
  const { population, figures } = bench
  const [client] = await population.clients(1)
  // The keys of all these servers are known afterwards, as those of servers that one meets often are.
  const small = ServedRoom.create(peers, { members: peers.length })
  await client!.joinThrough(small.resident.name, small.room.id)
  const served = ServedRoom.create(peers, { members, renamed: Math.round(members * 0.6) })
  const cost = await costOfLargeAnswers(figures, 1, async () => {
    await client!.joinThrough(served.resident.name, served.room.id)
    await client!.send(served.room.id, 'here')
  })
  return { cost, served }
}

/** Another server joins the room through the measured one. */
async function joinHere(bench: Bench, joining: FakePeer, { room }: ServedRoom, turn: number): Promise<number> {
  const { population, base } = bench
  const [someone] = await population.clients(1)
  const { userId } = someone!.session
  const server = { url: base, name: userId.slice(userId.indexOf(':') + 1) }
  const joiner = `@joiner${turn}:${joining.name}`
  const path = `${encodeURIComponent(room.id)}/${encodeURIComponent(joiner)}?ver=${room.version.id}`
  const made = await joining.ask(server, 'GET', `/_matrix/federation/v1/make_join/${path}`)
  if (made.status !== 200) throw new Error(`make_join was answered ${made.status} ${made.text.slice(0, 200)}`)
  const draft = { ...(made.body['event'] as unknown as EventDraft), origin_server_ts: Date.now() }
  const event = buildEvent(room.version, draft, { serverName: joining.name, signingKey: joining.signingKey })
  const target = `/_matrix/federation/v2/send_join/${encodeURIComponent(room.id)}/${encodeURIComponent(event.eventId)}`
  const headers = {
    authorization: joining.authorization({ destination: server.name, method: 'PUT', target, body: event.pdu }),
    'content-type': 'application/json',
  }
  let status = 0
  const duration = await timed(async () => {
    const response = await fetch(base + target, { method: 'PUT', headers, body: event.json })
    status = response.status
    for await (const _part of response.body!) void _part
  })
  if (status !== 200) throw new Error(`send_join was answered ${status}`)
  return duration
}
