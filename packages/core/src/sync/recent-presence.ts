const maxLog = 256

/** Whose presence changed in a room that somebody is syncing: of those who sync themselves or are of other servers. */
export class RecentPresence {
  /** Of everybody the last change. */
  readonly #serials = new Map<number, number>()
  /** The last changes, oldest first. */
  readonly #log: { readonly userNid: number; readonly serial: number }[] = []
  #logFrom = 0

  /** Everybody whose presence is known. */
  get userNids(): IterableIterator<number> {
    return this.#serials.keys()
  }

  has(userNid: number): boolean {
    return this.#serials.has(userNid)
  }

  record(userNid: number, serial: number): void {
    this.#serials.set(userNid, serial)
    this.#log.push({ userNid, serial })
    // Cut in strides, because cutting the front of an array costs its length.
    if (this.#log.length >= 2 * maxLog) this.#logFrom = this.#log.splice(0, maxLog).at(-1)!.serial
  }

  /** Notes a change that was made before this process looked. */
  note(userNid: number, serial: number): void {
    if (serial <= (this.#serials.get(userNid) ?? 0)) return
    this.#serials.set(userNid, serial)
    // The log knows nothing of it, so that it serves those alone who stand behind it.
    this.#logFrom = Math.max(this.#logFrom, serial)
  }

  forget(userNid: number): void {
    this.#serials.delete(userNid)
  }

  /** Those whose presence changed after a serial. */
  changedAfter(serial: number): number[] {
    if (serial < this.#logFrom) {
      return [...this.#serials].flatMap(([userNid, changed]) => (changed > serial ? [userNid] : []))
    }
    const userNids: number[] = []
    for (let index = this.#log.length - 1; index >= 0 && this.#log[index]!.serial > serial; index -= 1) {
      const { userNid } = this.#log[index]!
      if (this.#serials.has(userNid)) userNids.push(userNid)
    }
    return userNids
  }
}
