import { setTimeout as sleep } from 'node:timers/promises'

import type { MatrixClient } from '../client/matrix-client.ts'
import { quantile } from '../load/statistics.ts'
import type { Measurements } from '../metrics.ts'
import type { Bench, Scenario } from '../scenario.ts'
import { WaitingSync } from './waiting-sync.ts'

/** Long enough for the request to be parked at the server. */
const parkingMs = 15

/** From the start of a send to the moment another member's waiting /sync has returned it. */
export const deliveryLatency: Scenario = {
  name: 'delivery-latency',
  summary: 'From sending a message to its arrival in another member’s waiting sync.',

  async run(bench: Bench): Promise<Measurements> {
    const { senders } = await bench.population.smallRooms()
    const [sender, receiver] = senders as [(typeof senders)[0], (typeof senders)[0]]
    const roomId = sender.rooms.find((room) => receiver.rooms.includes(room))
    if (roomId === undefined) throw new Error('the first two senders share no room')
    const delays = await deliveryDelays({
      sender: sender.client,
      receiver: receiver.client,
      roomId,
      count: bench.scale.deliveries,
    })
    return { deliveryP50: quantile(delays, 0.5), deliveryP99: quantile(delays, 0.99) }
  },
}

/** Sends messages one after the other to somebody who waits; gives how long each took, in milliseconds. */
export async function deliveryDelays({
  sender,
  receiver,
  roomId,
  count,
}: {
  readonly sender: MatrixClient
  readonly receiver: MatrixClient
  readonly roomId: string
  readonly count: number
}): Promise<number[]> {
  const sync = new WaitingSync({ client: receiver, roomId })
  await sync.catchUp()
  const delays: number[] = []
  for (let turn = 0; turn < count; turn++) {
    const body = `delivery ${turn} at ${Date.now()}`
    const parked = Promise.withResolvers<void>()
    const arrival = sync.untilMessage(body, parked.resolve)
    await parked.promise
    await sleep(parkingMs)
    const start = performance.now()
    await sender.send(roomId, body)
    delays.push((await arrival) - start)
  }
  return delays
}
