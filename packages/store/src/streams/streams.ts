import type { StreamHead } from '../tables/stream-head.ts'

/** Something durable that happened at a stream position. */
export interface StreamChange {
  readonly kind: string
  readonly pos: number
}

/** A table whose rows take stream positions. */
export interface StreamSource<Change extends StreamChange> {
  /** That of its changes. */
  readonly kind: Change['kind']
  /** What changed at positions in `(after, upTo]`, in their order; the first `limit` of them. */
  list(after: number, upTo: number, limit: number): Promise<readonly Change[]>
  /** The same of what changes rooms' states; absent where nothing does. */
  listStateChanges?(after: number, upTo: number, limit: number): Promise<readonly Change[]>
}

/** A stretch of the stream. */
export interface StreamPage<Change extends StreamChange> {
  /** In the order of positions. A position may hold nothing: what was overwritten since is found at its new position. */
  readonly changes: readonly Change[]
  /** Everything up to here was looked at. */
  readonly upTo: number
}

/** Positions that one statement may look at to find a few changes: other reads wait behind it. */
const maxPassedOver = 5_000

/** The stream of durable changes, over all tables that take part in it. */
export class Streams<Change extends StreamChange> {
  readonly #head: StreamHead
  readonly #sources: readonly StreamSource<Change>[]

  constructor(deps: { readonly head: StreamHead; readonly sources: readonly StreamSource<Change>[] }) {
    this.#head = deps.head
    this.#sources = deps.sources
  }

  /** The position of the last committed change: everything up to it can be read. */
  position(): Promise<number> {
    return this.#head.position()
  }

  /** The changes in `(after, upTo]`; about the first `limit` of them. `upTo` must be a position that was committed. */
  async readChanges(after: number, upTo: number, limit: number): Promise<StreamPage<Change>> {
    if (after >= upTo) return { changes: [], upTo }
    return this.#page(
      this.#sources.map((source) => source.list(after, upTo, limit)),
      upTo,
      limit,
    )
  }

  /**
   * The changes in `(after, upTo]`, which somebody says are committed and of these kinds. undefined when they do not fill the
   * stretch: then it is not so, or a position holds nothing. When they do, it is.
   */
  async readTold(after: number, upTo: number, kinds: readonly string[]): Promise<readonly Change[] | undefined> {
    const told = this.#sources.filter(({ kind }) => kinds.includes(kind))
    const lists = await Promise.all(told.map((source) => source.list(after, upTo, upTo - after)))
    const changes = lists.flat()
    return changes.length === upTo - after ? changes.sort((a, b) => a.pos - b.pos) : undefined
  }

  /** As {@link readChanges}, of state events and redactions alone: what lies between them is passed over, but not without end. */
  async readStateChanges(after: number, upTo: number, limit: number): Promise<StreamPage<Change>> {
    if (after >= upTo) return { changes: [], upTo }
    const end = Math.min(upTo, after + maxPassedOver)
    return this.#page(
      this.#sources.flatMap((source) => source.listStateChanges?.(after, end, limit) ?? []),
      end,
      limit,
    )
  }

  async #page(
    reading: readonly Promise<readonly Change[]>[],
    upTo: number,
    limit: number,
  ): Promise<StreamPage<Change>> {
    const lists = await Promise.all(reading)
    // Beyond the end of a list that was cut off nothing is known.
    const covered = Math.min(upTo, ...lists.filter((list) => list.length >= limit).map((list) => list.at(-1)!.pos))
    const changes = lists.flatMap((list) => list.filter(({ pos }) => pos <= covered))
    return { changes: changes.sort((a, b) => a.pos - b.pos), upTo: covered }
  }
}
