import type { JsonObject } from '@hearth/protocol'
import { SeededRandom, TestServer, type SyncedRoom, type TestClient } from '@hearth/test-kit'
import { describe, expect, it } from 'vitest'

/** An event as the model knows it. */
interface Sent {
  readonly eventId: string
  readonly sender: TestClient
  /** main or the id of the thread's root */
  readonly thread: string
  readonly notifies: boolean
  readonly highlights: boolean
}

/** A room as the model knows it: counting is done over, each time, from the beginning. */
class ModelRoom {
  readonly id: string
  readonly reader: TestClient
  /** Everything since the reader came in. */
  events: Sent[] = []
  isIn = true
  /** How many events are read: by receipt type and thread, and by thread for what the reader sent. */
  readonly read = new Map<string, number>()

  constructor(id: string, reader: TestClient) {
    this.id = id
    this.reader = reader
  }

  markRead(key: string, index: number): void {
    this.read.set(key, Math.max(this.read.get(key) ?? -1, index))
  }

  counts(): Record<string, [number, number]> {
    const counts: Record<string, [number, number]> = {}
    this.events.forEach((event, index) => {
      const keys = ['m.read', 'm.read.private'].flatMap((type) => [`${type} `, `${type} ${event.thread}`])
      const isRead = [...keys, `sent ${event.thread}`].some((key) => (this.read.get(key) ?? -1) >= index)
      if (isRead || event.sender === this.reader || !event.notifies) return
      const count = (counts[event.thread] ??= [0, 0])
      count[0] += 1
      if (event.highlights) count[1] += 1
    })
    return counts
  }
}

const filter = JSON.stringify({ room: { timeline: { unread_thread_notifications: true, limit: 1 } } })

function countsIn({ unread_notifications: main, unread_thread_notifications: threads = {} }: SyncedRoom) {
  const all = Object.entries({ main: main!, ...threads }).map(([thread, count]) => {
    return [thread, [count.notification_count, count.highlight_count]] as const
  })
  return Object.fromEntries(all.filter(([, [notifications]]) => notifications > 0))
}

describe('unread counts', () => {
  it.each([1, 5])('are what counting anew gives, whatever happens (seed %d)', async (seed) => {
    const random = new SeededRandom(seed)
    await using server = await TestServer.start()
    const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map((name) => server.register(name)))
    const rooms: ModelRoom[] = []
    for (let n = 0; n < 3; n++) {
      const id = await alice!.createRoom({ preset: 'public_chat' })
      await bob!.join(id)
      await carol!.join(id)
      rooms.push(new ModelRoom(id, bob!))
    }
    let { next_batch: since } = await bob!.sync({ filter })

    for (let step = 0; step < 120; step++) {
      const room = random.pick(rooms)
      await act(random, room, [alice!, bob!, carol!])
      if (random.chance(12)) await server.restart()
      if (random.chance(40)) continue
      const isFull = random.chance(20)
      const answer = await bob!.sync({ filter, ...(!isFull && { since }) })
      since = answer.next_batch
      for (const each of rooms) {
        const shown = answer.rooms?.join?.[each.id]
        expect(shown === undefined || each.isIn).toBe(true)
        if (isFull) expect(shown !== undefined).toBe(each.isIn)
        if (shown) expect(countsIn(shown), `step ${step}`).toEqual(each.counts())
      }
    }
  })

  async function act(random: SeededRandom, room: ModelRoom, clients: readonly TestClient[]): Promise<void> {
    if (!room.isIn) {
      await room.reader.join(room.id)
      room.isIn = true
    } else if (random.chance(3)) {
      await room.reader.leave(room.id)
      room.isIn = false
      room.events = []
      room.read.clear()
    } else if (random.chance(30) && room.events.length > 0) {
      await sendReceipt(random, room)
    } else {
      const isOwn = random.chance(10)
      await send(random, room, isOwn ? room.reader : random.pick(clients.filter((client) => client !== room.reader)))
    }
  }

  async function send(random: SeededRandom, room: ModelRoom, sender: TestClient): Promise<void> {
    const roots = room.events.filter(({ thread }) => thread === 'main')
    const root = random.chance(35) && roots.length > 0 ? random.pick(roots) : undefined
    const isNotice = random.chance(20)
    const highlights = !isNotice && random.chance(25)
    const content: JsonObject = { msgtype: isNotice ? 'm.notice' : 'm.text', body: 'x' }
    if (root) content['m.relates_to'] = { rel_type: 'm.thread', event_id: root.eventId }
    if (highlights) content['m.mentions'] = { user_ids: [room.reader.userId] }
    const eventId = await sender.send(room.id, 'm.room.message', content)
    const thread = root?.eventId ?? 'main'
    room.events.push({ eventId, sender, thread, notifies: !isNotice, highlights })
    if (sender === room.reader) room.markRead(`sent ${thread}`, room.events.length - 1)
  }

  async function sendReceipt(random: SeededRandom, room: ModelRoom): Promise<void> {
    const index = random.below(room.events.length)
    const { eventId, thread } = room.events[index]!
    const type = random.pick(['m.read', 'm.read.private'])
    const threadId = random.chance(50) ? thread : ''
    const path = `rooms/${encodeURIComponent(room.id)}/receipt/${type}/${encodeURIComponent(eventId)}`
    await room.reader.post(path, threadId === '' ? {} : { thread_id: threadId })
    room.markRead(`${type} ${threadId}`, index)
  }
})
