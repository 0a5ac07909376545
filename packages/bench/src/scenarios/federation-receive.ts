import type { FakePeer } from '@hearth/test-kit'
import type { MatrixClient } from '../client/matrix-client.ts'
import { prepareTransactions, sendTransactions } from '../federation/send-transactions.ts'
import { ServedRoom } from '../federation/served-room.ts'
import { Arrivals } from '../load/arrivals.ts'
import type { Measurements } from '../metrics.ts'
import type { Bench, Scenario } from '../scenario.ts'

const arrivalLimitMs = 300_000

/** Signed chains of messages from other servers, 50 in a transaction; they count once a member here has seen them. */
export const federationReceive: Scenario = {
  name: 'federation-receive',
  summary: 'Messages a second from another server, and from four of them.',
  needsFederation: true,

  async run(bench: Bench): Promise<Measurements> {
    await rate(bench, 1, 100) // keys fetched, code compiled
    await bench.figures.eventLoopLagMs()
    const pdusOfOne = await rate(bench, 1)
    const pdusOfFour = await rate(bench, 4)
    const lag = await bench.figures.eventLoopLagMs()
    return { pdusOfOne, pdusOfFour, ...(lag !== undefined && { pdusLagP99: lag }) }
  },
}

/** Each origin sends into a room of its own. */
async function rate(bench: Bench, origins: number, count = bench.scale.receivedPdus): Promise<number> {
  const { population, federation, base } = bench
  const peers = await federation!.start(origins)
  const observers = await population.clients(origins)
  const arrivals = new Arrivals()
  try {
    const sent = await Promise.all(peers.map((peer, n) => prepare(peer, observers[n]!, count)))
    await arrivals.start(observers)
    const start = performance.now()
    await Promise.all(sent.map(({ transactions }) => sendTransactions(base, transactions)))
    const eventIds = sent.flatMap((room) => room.eventIds)
    const lost = await arrivals.waitFor(eventIds, arrivalLimitMs)
    if (lost > 0) throw new Error(`${lost} of ${eventIds.length} events never arrived`)
    const last = Math.max(...eventIds.map((eventId) => arrivals.arrivalOf(eventId)!))
    return eventIds.length / ((last - start) / 1000)
  } finally {
    await arrivals.stop()
    await federation!.end(peers)
  }
}

async function prepare(peer: FakePeer, observer: MatrixClient, count: number) {
  const served = ServedRoom.create([peer])
  await observer.joinThrough(peer.name, served.room.id)
  const events = served.messages(`@creator:${peer.name}`, count)
  const { userId } = observer.session
  const destination = userId.slice(userId.indexOf(':') + 1)
  return {
    eventIds: events.map(({ eventId }) => eventId),
    transactions: prepareTransactions(peer, destination, events),
  }
}
