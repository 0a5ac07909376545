import { setTimeout as sleep } from 'node:timers/promises'
import type { EventId, JsonObject, RoomId } from '@hearth/protocol'
import { findRoomVersion, stateTupleKey, type Pdu, type StateMap } from '@hearth/rooms'
import { SeededRandom } from '../seeded-random.ts'
import type { TestClient } from '../test-client.ts'
import { referenceState } from './reference-state.ts'
import type { SimulatedServer, SimulatedWorld } from './simulated-world.ts'

/** What a server holds a room to be. */
interface RoomAsHeld {
  readonly state: StateMap
  readonly extremities: readonly EventId[]
}

const versions = ['1', '2', '5', '6', '9', '10', '11', '12']
const healMs = 10 * 60_000
/** On a busy machine, servers need longer to tell one another what they missed. */
const convergeAttempts = 400

/** A room whose history is made by chance on several servers, while the network between them is bad. */
export class SimulatedRoom {
  readonly #world: SimulatedWorld
  readonly #random: SeededRandom
  readonly #seed: number
  readonly #version: string
  #roomId = '' as RoomId
  /** What was acknowledged. */
  readonly #sent = new Set<EventId>()
  /** Whether anybody went or was sent away: a server that is out of the room for a while misses what happens then. */
  #hasLost = false

  constructor(world: SimulatedWorld, seed: number) {
    this.#world = world
    this.#seed = seed
    this.#random = new SeededRandom(seed)
    this.#version = this.#random.pick(versions)
  }

  /**
   * Lets the room happen, and the network heal.
   *
   * @throws Error that says in what servers differ, from one another or from the specification's definition.
   */
  async run(): Promise<void> {
    const { network, servers } = this.#world
    network.seed(this.#seed)
    await this.#found()
    for (let round = this.#random.between(1, 4); round > 0; round--) {
      const isParted = this.#random.chance(70)
      network.part(isParted ? this.#split() : [])
      network.disturb(this.#random.chance(80) ? this.#faults() : { ...this.#faults(), lost: 0, unanswered: 0 })
      // What happens on one server happens in order; the servers do not wait for one another.
      const plans = servers.map((server) => ({ server, random: this.#random.fork() }))
      await Promise.all(plans.map(({ server, random }) => this.#live(server, random)))
    }
    await this.#heal()
  }

  async #found(): Promise<void> {
    const { network, servers } = this.#world
    await network.heal()
    const [home, ...others] = servers
    const [creator, second] = home!.users
    const users = Object.fromEntries(others.map(({ users: [first] }, i) => [first!.userId, i === 0 ? 100 : 50]))
    const isCreatorNamed = this.#version !== '12'
    this.#roomId = (await creator!.createRoom({
      preset: 'public_chat',
      room_version: this.#version,
      power_level_content_override: { users: { ...users, ...(isCreatorNamed && { [creator!.userId]: 100 }) } },
    })) as RoomId
    await second!.join(this.#roomId)
    for (const { users } of others) {
      for (const user of users) await this.#world.join(user, this.#roomId, home!.name)
    }
  }

  #split(): string[][] {
    const groups: [string[], string[]] = [[], []]
    for (const { name } of this.#world.servers) groups[this.#random.below(2)]!.push(name)
    return groups
  }

  #faults() {
    const random = this.#random
    return {
      lost: random.below(30),
      unanswered: random.below(20),
      repeated: random.below(40),
      delayMs: random.below(25),
    }
  }

  async #live({ users }: SimulatedServer, random: SeededRandom): Promise<void> {
    for (let action = random.between(1, 5); action > 0; action--) await this.#act(random.pick(users), random)
  }

  async #act(user: TestClient, random: SeededRandom): Promise<void> {
    const everybody = this.#world.servers.flatMap(({ users }) => users)
    const other = random.pick(everybody).userId
    const state = (type: string, content: JsonObject, key = ''): Promise<void> =>
      this.#ask(user, 'PUT', `state/${type}/${encodeURIComponent(key)}`, content)
    switch (random.below(10)) {
      case 0:
      case 1:
      case 2:
        return this.#ask(user, 'PUT', `send/m.room.message/${random.below(2 ** 31)}`, {
          msgtype: 'm.text',
          body: 'hello',
        })
      case 3:
        return state('m.room.topic', { topic: `topic ${random.below(1_000)}` })
      case 4:
        return state('org.example.note', { note: random.below(1_000) }, random.pick(['a', 'b', 'c']))
      case 5:
        return this.#changeLevel(user, other, random.pick([0, 50, 100]))
      case 6:
        return this.#ask(user, 'POST', random.pick(['ban', 'kick', 'unban']), { user_id: other })
      case 7:
        return state('m.room.join_rules', { join_rule: random.pick(['public', 'public', 'invite']) })
      case 8:
        return this.#ask(user, 'POST', random.pick(['leave', 'join']), {})
      default:
        return state('m.room.name', { name: `name ${random.below(1_000)}` })
    }
  }

  async #changeLevel(user: TestClient, other: string, level: number): Promise<void> {
    const path = `rooms/${encodeURIComponent(this.#roomId)}/state/m.room.power_levels`
    const current = await user.request('GET', path)
    if (current.status !== 200) return
    const { users, ...content } = current.body as JsonObject & { users: JsonObject }
    await this.#ask(user, 'PUT', 'state/m.room.power_levels/', { ...content, users: { ...users, [other]: level } })
  }

  /** Does something in the room, if it is allowed. */
  async #ask(user: TestClient, method: string, path: string, body: JsonObject): Promise<void> {
    const query = path === 'join' ? { via: this.#world.servers[0]!.name } : {}
    const target =
      path === 'join' ? `join/${encodeURIComponent(this.#roomId)}` : `rooms/${encodeURIComponent(this.#roomId)}/${path}`
    const answer = await user.request(method, target, { query, body })
    if (answer.status >= 500 && answer.status !== 502) throw new Error(`${target}: ${answer.status} ${answer.text}`)
    const eventId = answer.body['event_id']
    if (answer.status !== 200) return
    if (typeof eventId === 'string') this.#sent.add(eventId as EventId)
    if (['leave', 'kick', 'ban'].includes(path)) this.#hasLost = true
  }

  /** Ends all faults and waits until the servers agree. Somebody has to say something for the others to hear what they missed. */
  async #heal(): Promise<void> {
    const { network, clock, servers } = this.#world
    await network.heal()
    clock.jump(healMs)
    let difference = ''
    for (let attempt = 0; attempt < convergeAttempts; attempt++) {
      if (attempt % 20 === 0) {
        for (const { users } of servers) {
          for (const user of users)
            await this.#ask(user, 'PUT', `send/m.room.message/heal${attempt}`, { msgtype: 'm.text', body: 'again' })
        }
      }
      await sleep(40)
      difference = await this.#difference()
      if (difference === '') return
    }
    throw new Error(`seed ${this.#seed}, room version ${this.#version}: ${difference}`)
  }

  /** How the servers that hold themselves to be in the room differ, from one another or from what the state must be; empty if they do not. */
  async #difference(): Promise<string> {
    const holders: { readonly server: SimulatedServer; readonly held: RoomAsHeld }[] = []
    for (const server of this.#world.servers) {
      const held = await this.#heldBy(server)
      if (held && (await this.#isInside(server, held.state, server))) holders.push({ server, held })
    }
    const [first, ...others] = holders
    // Everybody has left.
    if (!first) return ''
    const { server, held } = first
    for (const other of others) {
      const keys = differingKeys(held.state, other.held.state)
      if (keys.length > 0) return `${server.name} and ${other.server.name} differ in ${keys.join(', ')}`
    }
    const events = await this.#eventsOf(server)
    const lost = this.#hasLost ? [] : [...this.#sent].filter((eventId) => !events.has(eventId))
    if (lost.length > 0) return `${server.name} has not got ${lost.join(', ')}`
    const reference = referenceState(findRoomVersion(this.#version)!, events, held.extremities)
    const keys = differingKeys(held.state, reference)
    return keys.length > 0 ? `${server.name} differs from the specification in ${keys.join(', ')}` : ''
  }

  async #heldBy({ server }: SimulatedServer): Promise<RoomAsHeld | undefined> {
    const { store } = server
    const room = await store.rooms.find(this.#roomId)
    const head = room && (await store.roomHeads.find(room.nid))
    if (!head) return undefined
    const state = await store.states.load(room.nid, head.stateNid)
    const rows = await store.events.findByNids([...state.entries()].map(({ nid }) => nid))
    const extremities = await store.events.findByNids(head.extremities)
    return {
      state: new Map(
        rows.map(({ eventId, json }) => {
          const { type, state_key: stateKey } = JSON.parse(json) as Pdu
          return [stateTupleKey(type, stateKey!), eventId]
        }),
      ),
      extremities: extremities.map(({ eventId }) => eventId),
    }
  }

  /** All events of the room that lead to its extremities. */
  async #eventsOf({ server }: SimulatedServer): Promise<Map<EventId, Pdu>> {
    const { store } = server
    const room = (await store.rooms.find(this.#roomId))!
    const nids = await store.database.query<{ nid: number }>(null, 'select nid from events where room_nid = $1', [
      room.nid,
    ])
    const rows = await store.events.findByNids(nids.map(({ nid }) => nid))
    return new Map(rows.map(({ eventId, json }) => [eventId, JSON.parse(json) as Pdu]))
  }

  /** Whether somebody of a server is in the room, by a state as another server has it. */
  async #isInside({ users }: SimulatedServer, state: StateMap, { server }: SimulatedServer): Promise<boolean> {
    const ids = users.flatMap(({ userId }) => state.get(stateTupleKey('m.room.member', userId)) ?? [])
    const rows = await server.store.events.findByIds(ids)
    return rows.some(({ json }) => (JSON.parse(json) as Pdu).content['membership'] === 'join')
  }
}

function differingKeys(one: StateMap, other: StateMap): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].filter((key) => one.get(key) !== other.get(key))
}
