/** Those who wait for something to happen. */
export class Waiters {
  readonly #callbacks = new Set<() => void>()

  get size(): number {
    return this.#callbacks.size
  }

  /** Calls back once, at the next {@link wake}. The function returned takes the wish back. */
  onNext(callback: () => void): () => void {
    this.#callbacks.add(callback)
    return () => this.#callbacks.delete(callback)
  }

  wake(): void {
    const callbacks = [...this.#callbacks]
    this.#callbacks.clear()
    for (const callback of callbacks) callback()
  }
}
