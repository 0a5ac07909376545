import { setTimeout as sleep } from 'node:timers/promises'

import { Arrivals } from '../load/arrivals.ts'
import { quantile } from '../load/statistics.ts'
import type { Measurements } from '../metrics.ts'
import type { Bench, Scenario } from '../scenario.ts'

const deliveryLimitMs = 120_000

interface Sent {
  readonly eventId: string
  readonly startedAt: number
  readonly acknowledgedAt: number
}

/** Every client sends one message after the other; the rate counts up to the moment when the last one has arrived. */
export const sendThroughput: Scenario = {
  name: 'send-throughput',
  summary: 'Messages a second from many clients into many rooms, and what of them has arrived.',

  async run(bench: Bench): Promise<Measurements> {
    const { scale, figures } = bench
    const { senders, observers } = await bench.population.smallRooms()
    const arrivals = new Arrivals()
    await arrivals.start(observers)
    try {
      const warmUp = await sendFor(senders, scale.sendWarmUpSeconds * 1000)
      await arrivals.waitFor(eventIdsOf(warmUp), deliveryLimitMs)

      await figures.eventLoopLagMs() // the lag counts from here
      const before = await figures.databaseCounters()
      const start = performance.now()
      const sent = await sendFor(senders, scale.sendSeconds * 1000)
      const end = performance.now()
      const backlog = arrivals.countMissing(eventIdsOf(sent))
      const lost = await arrivals.waitFor(eventIdsOf(sent), deliveryLimitMs)
      const lag = await figures.eventLoopLagMs()
      if (before) await sleep(1500) // back ends report their commits once a second
      const after = await figures.databaseCounters()

      const delays = sent.flatMap(({ eventId, startedAt }) => {
        const arrivedAt = arrivals.arrivalOf(eventId)
        return arrivedAt === undefined ? [] : [{ startedAt, arrivedAt }]
      })
      const last = delays.reduce((latest, { arrivedAt }) => Math.max(latest, arrivedAt), end)
      const latencies = sent.map(({ startedAt, acknowledgedAt }) => acknowledgedAt - startedAt)
      const arrivalDelays = delays.map(({ startedAt, arrivedAt }) => arrivedAt - startedAt)
      return {
        sendsDelivered: delays.length / ((last - start) / 1000),
        sendsAcknowledged: sent.length / ((end - start) / 1000),
        sendBacklog: backlog,
        sendsLost: lost,
        loadedSendP50: quantile(latencies, 0.5),
        loadedSendP99: quantile(latencies, 0.99),
        loadedArrivalP50: quantile(arrivalDelays, 0.5),
        loadedArrivalP99: quantile(arrivalDelays, 0.99),
        ...(lag !== undefined && { eventLoopLagP99: lag }),
        ...(before &&
          after && {
            walPerMessage: (after.walBytes - before.walBytes) / sent.length / 1000,
            commitsPerMessage: (after.commits - before.commits) / sent.length,
          }),
      }
    } finally {
      await arrivals.stop()
    }
  },
}

type Senders = Awaited<ReturnType<Bench['population']['smallRooms']>>['senders']

async function sendFor(senders: Senders, durationMs: number): Promise<Sent[]> {
  const until = performance.now() + durationMs
  const sent: Sent[] = []
  await Promise.all(
    senders.map(async ({ client, rooms }) => {
      for (let turn = 0; performance.now() < until; turn++) {
        const startedAt = performance.now()
        const eventId = await client.send(rooms[turn % rooms.length] as string, `message ${turn} of the benchmark`)
        sent.push({ eventId, startedAt, acknowledgedAt: performance.now() })
      }
    }),
  )
  return sent
}

function eventIdsOf(sent: readonly Sent[]): string[] {
  return sent.map(({ eventId }) => eventId)
}
