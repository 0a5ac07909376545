import type { ServerName } from '@hearth/protocol'
import type { NewOutsideMembership, Store } from '@hearth/store'
import type { StreamFeed } from '../../sync/stream-feed.ts'

/** Sets memberships of rooms that this server is not in, and tells the stream of it. */
export class OutsideMembershipChanges {
  readonly #store: Store
  readonly #feed: StreamFeed
  readonly #serverName: ServerName

  constructor(deps: { store: Store; feed: StreamFeed; serverName: ServerName }) {
    this.#store = deps.store
    this.#feed = deps.feed
    this.#serverName = deps.serverName
  }

  /**
   * Sets a membership; the user's next sync has it when this resolves. False where it is none from outside: a user of this
   * server is in the room, or the invitation was taken before.
   */
  async set(membership: NewOutsideMembership): Promise<boolean> {
    const ownServerNid = await this.#store.servers.intern(this.#serverName)
    const placed = await this.#feed.writing(() => this.#store.outsideMemberships.set(membership, ownServerNid))
    if (placed === undefined) {
      // A position may have been taken for nothing.
      this.#feed.doubt()
      return false
    }
    const { pos, nid } = placed
    const { userNid, roomNid, membership: set } = membership
    this.#feed.publish({
      firstPos: pos,
      count: 1,
      changes: [{ kind: 'outside-membership', pos, nid, userNid, roomNid, membership: set }],
    })
    await this.#feed.reached(pos)
    return true
  }
}
