import { LruCache, type Metrics } from '@hearth/runtime'
import type { Database } from '../connection/database.ts'
import type { CommittedBatch } from '../persister/room-commit.ts'
import { StateEvents } from '../tables/state-events.ts'
import { RoomAuthGraph, type AuthGraphEvent } from './room-auth-graph.ts'

export interface AuthGraphsDeps {
  readonly db: Database
  readonly metrics?: Metrics | undefined
  /** How much memory graphs may take; 64 MiB when absent. */
  readonly maxBytes?: number | undefined
}

/** The auth graphs of rooms: each is loaded with one query when it is first needed, and grows with what is committed. */
export class AuthGraphs {
  readonly #events: StateEvents
  readonly #graphs: LruCache<number, RoomAuthGraph>
  readonly #loading = new Map<number, Promise<RoomAuthGraph>>()

  constructor(deps: AuthGraphsDeps) {
    this.#events = new StateEvents(deps.db)
    this.#graphs = new LruCache({
      name: 'auth_graphs',
      maxBytes: deps.maxBytes ?? 64 * 1024 * 1024,
      sizeOf: (graph) => graph.bytes,
      ...(deps.metrics && { metrics: deps.metrics }),
    })
  }

  /**
   * A room's graph, with at least these state events and everything that their auth chains lead to. One from memory may
   * lack what other processes have written since; when it lacks one of `nids` it is loaded anew.
   */
  async load(roomNid: number, nids: readonly number[]): Promise<RoomAuthGraph> {
    const known = this.#graphs.get(roomNid)
    if (known !== undefined && hasAll(known, nids)) return known
    const underWay = await this.#loading.get(roomNid)
    // One that began earlier may have missed what the caller asks for.
    if (underWay !== undefined && hasAll(underWay, nids)) return underWay
    let loading = this.#loading.get(roomNid)
    if (loading === undefined) {
      loading = this.#load(roomNid).finally(() => this.#loading.delete(roomNid))
      this.#loading.set(roomNid, loading)
    }
    return loading
  }

  /** Adds the state events of a batch to the graphs that are in memory. */
  applyCommitted(batch: CommittedBatch): void {
    for (const { roomNid, events } of batch.rooms) {
      const graph = this.#graphs.has(roomNid) ? this.#graphs.get(roomNid) : undefined
      if (graph === undefined) continue
      let complete = true
      for (const { nid, event } of events) {
        if (event.stateKeyNid === null) continue
        const auth = event.auth.map((ref) => (ref >= 0 ? ref : events[-ref - 1]!.nid))
        complete &&= graph.append({ nid, typeNid: event.typeNid, stateKeyNid: event.stateKeyNid, auth })
      }
      // Other processes have written auth events of these.
      if (!complete) this.#graphs.delete(roomNid)
      // Its size may have changed.
      else this.#graphs.set(roomNid, graph)
    }
  }

  /** Adds state events that were written without a position, each after its auth events, if the graph is in memory. */
  append(roomNid: number, events: readonly AuthGraphEvent[]): void {
    const graph = this.#graphs.has(roomNid) ? this.#graphs.get(roomNid) : undefined
    if (graph === undefined) return
    if (events.every((event) => graph.append(event))) this.#graphs.set(roomNid, graph)
    else this.#graphs.delete(roomNid)
  }

  /** Forgets the graph of a room that is being deleted. */
  forgetRoom(roomNid: number): void {
    this.#graphs.delete(roomNid)
  }

  async #load(roomNid: number): Promise<RoomAuthGraph> {
    const graph = RoomAuthGraph.of(await this.#events.listByRoom(roomNid))
    this.#graphs.set(roomNid, graph)
    return graph
  }
}

function hasAll(graph: RoomAuthGraph, nids: readonly number[]): boolean {
  return nids.every((nid) => graph.has(nid))
}
