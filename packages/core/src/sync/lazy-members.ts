import { LruCache, type Metrics } from '@hearth/runtime'

/** Member events remembered per device; those sent first are forgotten first, and sent again. */
const maxPerDevice = 20_000
const bytesPerEntry = 100

/**
 * Which member events each device has been sent, so that lazily loaded members are not sent again.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members}
 */
export class LazyMembers {
  readonly #devices: LruCache<number, SentMembers>

  constructor(deps: { maxBytes: number; metrics: Metrics }) {
    this.#devices = new LruCache({
      name: 'lazy-members',
      maxBytes: deps.maxBytes,
      sizeOf: ({ size }) => (1 + size) * bytesPerEntry,
      metrics: deps.metrics,
    })
  }

  /**
   * Tells whether a device that shows this token has a member event. Of answers with later tokens it has nothing: they
   * were lost, or it has gone back; without a token it begins anew.
   */
  receivedBy(deviceNid: number, since: number | undefined): (memberNid: number) => boolean {
    const sent = this.#devices.get(deviceNid)
    if (since === undefined) this.#devices.delete(deviceNid)
    if (since === undefined || !sent) return () => false
    sent.rollBack(since)
    return (memberNid) => sent.has(memberNid, since)
  }

  /** Takes note that the answer whose token is `position` carries these member events. */
  markSent(deviceNid: number, memberNids: readonly number[], position: number): void {
    if (memberNids.length === 0) return
    const sent = this.#devices.get(deviceNid) ?? new SentMembers()
    for (const nid of memberNids) sent.add(nid, position)
    // Anew, because its size has changed.
    this.#devices.set(deviceNid, sent)
  }
}

/** The member events that one device has been sent. */
class SentMembers {
  /** The token of the answer that carried each. */
  readonly #positions = new Map<number, number>()
  /** The answers, in the order of their tokens. */
  readonly #answers: { readonly position: number; readonly nids: number[] }[] = []

  get size(): number {
    return this.#positions.size
  }

  has(nid: number, since: number): boolean {
    return (this.#positions.get(nid) ?? Infinity) <= since
  }

  add(nid: number, position: number): void {
    if (this.#positions.has(nid)) return
    let last = this.#answers.at(-1)
    if (last === undefined || last.position < position) this.#answers.push((last = { position, nids: [] }))
    last.nids.push(nid)
    this.#positions.set(nid, last.position)
    if (this.size > maxPerDevice) this.#forget(this.#answers.shift())
  }

  rollBack(position: number): void {
    while ((this.#answers.at(-1)?.position ?? 0) > position) this.#forget(this.#answers.pop())
  }

  #forget(answer: { readonly nids: readonly number[] } | undefined): void {
    for (const nid of answer?.nids ?? []) this.#positions.delete(nid)
  }
}
