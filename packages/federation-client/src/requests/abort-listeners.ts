/**
 * Listens to signals that many wait for at a time, such as that of a server that stops: a signal looks through all its
 * listeners whenever one is added, so that there is one for each signal here, however many wait.
 */
export class AbortListeners {
  readonly #callbacks = new WeakMap<AbortSignal, Set<() => void>>()

  /** Calls back when the signal is aborted, unless it was before. Gives what takes that back. */
  add(signal: AbortSignal, callback: () => void): () => void {
    const callbacks = this.#callbacks.get(signal) ?? this.#listen(signal)
    callbacks.add(callback)
    return () => callbacks.delete(callback)
  }

  #listen(signal: AbortSignal): Set<() => void> {
    const callbacks = new Set<() => void>()
    this.#callbacks.set(signal, callbacks)
    const onAbort = (): void => {
      for (const callback of callbacks) callback()
      callbacks.clear()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    return callbacks
  }
}
