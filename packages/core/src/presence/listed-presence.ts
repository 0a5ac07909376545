import type { UserId } from '@hearth/protocol'
import type { PresenceListRow } from '@hearth/store'

/** Somebody on a presence list, or on whose list somebody is. */
export interface ListedUser {
  readonly nid: number
  readonly userId: UserId
  /** Where the stream tells of it. */
  readonly pos: number
}

/** What this process knows of the presence lists that one user has to do with. */
export class ListedPresence {
  /** Whose presence the user sees, though they may share no room. */
  readonly observed = new Map<number, ListedUser>()
  /** Who sees the user's. */
  readonly observers = new Map<number, ListedUser>()
  /** Who asked to, and has no answer. */
  readonly invitations = new Map<number, ListedUser>()
  /** While the lists are being read: where the stream told of entries, which are newer than what is read. */
  readonly #newer = new Map<string, number>()
  #isLoading = true

  /** Takes what was read; what the stream told meanwhile stands. */
  load(userNid: number, rows: readonly (PresenceListRow & { readonly otherId: UserId })[]): void {
    for (const row of rows) {
      const newer = this.#newer.get(keyOf(row.observerNid, row.observedNid))
      if (newer === undefined || newer < row.pos) this.#set(userNid, row, row.otherId)
    }
    this.#isLoading = false
    this.#newer.clear()
  }

  /** Takes a change of an entry that the user is part of. */
  take(userNid: number, row: PresenceListRow, otherId: UserId): void {
    if (this.#isLoading) this.#newer.set(keyOf(row.observerNid, row.observedNid), row.pos)
    this.#set(userNid, row, otherId)
  }

  #set(userNid: number, { observerNid, observedNid, state, pos }: PresenceListRow, otherId: UserId): void {
    if (observerNid === userNid) {
      setOrDelete(this.observed, state === 'granted', { nid: observedNid, userId: otherId, pos })
    } else {
      const observer = { nid: observerNid, userId: otherId, pos }
      setOrDelete(this.observers, state === 'granted', observer)
      setOrDelete(this.invitations, state === 'asked', observer)
    }
  }
}

function setOrDelete(users: Map<number, ListedUser>, isThere: boolean, user: ListedUser): void {
  if (isThere) users.set(user.nid, user)
  else users.delete(user.nid)
}

function keyOf(observerNid: number, observedNid: number): string {
  return `${observerNid} ${observedNid}`
}
