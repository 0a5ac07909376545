import type { JsonObject } from '@hearth/protocol'
import { LruCache, type Metrics } from '@hearth/runtime'
import type { MemberRow, Membership, Store } from '@hearth/store'
import type { Room } from '../rooms/room.ts'
import type { RoomEvents } from '../rooms/room-events.ts'

const maxHeroes = 5
const namingTypes = ['m.room.name', 'm.room.canonical_alias']
const maxRooms = 20_000

/** A member that a nameless room is named after. */
export interface Hero {
  readonly userId: string
  readonly stateKeyNid: number
}

export interface RoomSummary {
  readonly joined: number
  readonly invited: number
  /** For rooms without a name only. */
  readonly heroes: readonly Hero[] | undefined
}

/** What a summary needs to know of a room's members, whoever reads it. */
interface MemberFacts {
  readonly counts: Readonly<Record<Membership, number>>
  /** The earliest of those who are in the room or invited; of those who are gone, if there is hardly anybody else. */
  readonly earliest: readonly Hero[]
  readonly earliestGone: readonly Hero[]
}

/** Counts of members, and whom to name a nameless room after. */
export class RoomSummaries {
  readonly #store: Store
  readonly #events: RoomEvents
  /** A change of members is news to everybody in the room: they share one look at the database. */
  readonly #facts: LruCache<number, { readonly stateNid: number; readonly facts: Promise<MemberFacts> }>

  constructor(deps: { store: Store; events: RoomEvents; metrics: Metrics }) {
    this.#store = deps.store
    this.#events = deps.events
    this.#facts = new LruCache({ name: 'room-summaries', maxEntries: maxRooms, metrics: deps.metrics })
  }

  /** The `summary` of rooms in `/sync`. {@link https://spec.matrix.org/v1.19/client-server-api/#syncing} */
  async ofRooms(rooms: readonly Room[], userId: string): Promise<RoomSummary[]> {
    const facts = this.#factsOf(rooms)
    const named = await this.#named(rooms)
    return Promise.all(
      rooms.map(async (room, index): Promise<RoomSummary> => {
        const { counts, earliest, earliestGone } = await facts[index]!
        const others = (heroes: readonly Hero[]) => heroes.filter((hero) => hero.userId !== userId).slice(0, maxHeroes)
        const present = others(earliest)
        return {
          joined: counts.join,
          invited: counts.invite,
          heroes: named.has(room) ? undefined : present.length > 0 ? present : others(earliestGone),
        }
      }),
    )
  }

  /** The rooms that have a name or an alias. */
  async #named(rooms: readonly Room[]): Promise<ReadonlySet<Room>> {
    await Promise.all([this.#store.eventTypes.findAll(namingTypes), this.#store.stateKeys.findAll([''])])
    const nids = await Promise.all(
      rooms.map(({ head: { state } }) =>
        Promise.all(namingTypes.map((type) => this.#events.findStateNid(state, type, ''))),
      ),
    )
    const events = await this.#events.findByNids(nids.flat().filter((nid) => nid !== undefined))
    const contentOf = (nid: number | undefined) => (nid === undefined ? undefined : events.get(nid)?.pdu.content)
    return new Set(
      rooms.filter((_, index) => {
        const [name, alias] = nids[index]!
        return isText(contentOf(name)?.['name']) || isText(contentOf(alias)?.['alias'])
      }),
    )
  }

  #factsOf(rooms: readonly Room[]): Promise<MemberFacts>[] {
    const missing = rooms.filter(({ nid, head }) => this.#facts.get(nid)?.stateNid !== head.stateNid)
    if (missing.length > 0) {
      const loading = this.#load(missing.map(({ nid }) => nid))
      for (const { nid, head } of missing) {
        const facts = loading.then((loaded) => loaded.get(nid)!)
        facts.catch(() => this.#facts.delete(nid))
        this.#facts.set(nid, { stateNid: head.stateNid, facts })
      }
    }
    return rooms.map(({ nid }) => this.#facts.get(nid)!.facts)
  }

  async #load(roomNids: readonly number[]): Promise<Map<number, MemberFacts>> {
    const { currentState, stateKeys } = this.#store
    const [counts, earliest] = await Promise.all([
      currentState.countMembers(roomNids),
      currentState.listEarliestMembers(roomNids, ['join', 'invite'], maxHeroes + 1),
    ])
    const lonely = roomNids.filter((nid) => earliest.get(nid)!.length < 2)
    const gone =
      lonely.length > 0
        ? await currentState.listEarliestMembers(lonely, ['leave', 'ban'], maxHeroes + 1)
        : new Map<number, MemberRow[]>()
    const rows = [...earliest.values(), ...gone.values()].flat()
    const userIds = await stateKeys.keysOf(rows.map(({ stateKeyNid }) => stateKeyNid))
    const heroes = (members: readonly MemberRow[] = []) =>
      members.flatMap(({ stateKeyNid }) => {
        const userId = userIds.get(stateKeyNid)
        return userId === undefined ? [] : [{ userId, stateKeyNid }]
      })
    return new Map(
      roomNids.map((nid) => [
        nid,
        { counts: counts.get(nid)!, earliest: heroes(earliest.get(nid)), earliestGone: heroes(gone.get(nid)) },
      ]),
    )
  }
}

/** A summary as clients get it. */
export function summaryJson({ joined, invited, heroes }: RoomSummary): string {
  const summary: JsonObject = { 'm.joined_member_count': joined, 'm.invited_member_count': invited }
  if (heroes) summary['m.heroes'] = heroes.map(({ userId }) => userId)
  return JSON.stringify(summary)
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
