import type { FakePeer } from '@hearth/test-kit'
import { ServedRoom } from '../federation/served-room.ts'
import { mapConcurrently, timed } from '../load/concurrency.ts'
import type { Measurements } from '../metrics.ts'
import type { Bench, Scenario } from '../scenario.ts'

/** Of a room of which it missed more, a server may be sent the last event only, from which it finds the others by itself. */
const eventsOfARoom = 100
const catchUpLimitMs = 300_000

/** A server that was away while people here went on talking; the time counts from its first request. */
export const federationCatchUp: Scenario = {
  name: 'federation-catch-up',
  summary: 'Catch-up of a server that missed 10,000 events, in a hundred rooms.',
  needsFederation: true,

  async run({ population, federation, scale, base }: Bench): Promise<Measurements> {
    const peers = await federation!.start(1)
    const [peer] = peers as [FakePeer]
    try {
      const rooms = Array.from({ length: Math.ceil(scale.missedEvents / eventsOfARoom) }, () =>
        ServedRoom.create(peers),
      )
      const clients = await population.clients(Math.min(16, rooms.length))
      const clientOf = (n: number) => clients[n % clients.length]!
      await mapConcurrently(rooms, 4, ({ room }, n) => clientOf(n).joinThrough(peer.name, room.id))
      let isAway = true
      let missed = 0
      let done = (): void => undefined
      const seen = new Set<string>()
      peer.on('PUT', /\/federation\/v1\/send\//, ({ text }) => {
        if (isAway) return [503, { errcode: 'M_UNKNOWN', error: 'away' }]
        for (const [marker] of text.matchAll(/missed-\d+-/g)) seen.add(marker)
        if (seen.size === missed) done()
        return { pdus: {} }
      })
      await mapConcurrently(rooms, clients.length, async ({ room }, n) => {
        for (let sent = 0; sent < eventsOfARoom && missed < scale.missedEvents; sent++) {
          await clientOf(n).send(room.id, `missed-${missed++}-`)
        }
      })
      const { userId } = clients[0]!.session
      const server = { url: base, name: userId.slice(userId.indexOf(':') + 1) }
      isAway = false
      const durationMs = await timed(async () => {
        const profile = `/_matrix/federation/v1/query/profile?user_id=${encodeURIComponent(userId)}`
        const contact = peer.ask(server, 'GET', profile)
        await Promise.all([contact, within(catchUpLimitMs, new Promise<void>((resolve) => (done = resolve)), seen)])
      })
      return { catchUp: durationMs / 1000 }
    } finally {
      await federation!.end(peers)
    }
  },
}

async function within(limitMs: number, work: Promise<void>, seen: ReadonlySet<string>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`only ${seen.size} of the missed events came`)), limitMs)
  })
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
