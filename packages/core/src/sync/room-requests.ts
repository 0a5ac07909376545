import { membershipOf } from '../rooms/membership-content.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { Room } from '../rooms/room.ts'
import type { Stays } from '../rooms/stays.ts'
import type { RoomSectionRequest } from './section-drafts.ts'
import type { RoomWindows } from './room-window.ts'
import type { SyncView } from './sync-view.ts'
import type { UserRoom } from './user-stream.ts'

/** A room of a user that is, or was, theirs. */
export interface KnownRoom {
  readonly userRoom: UserRoom
  readonly room: Room
}

/** Finds out what of a room an answer is to show, by when its reader was joined and what their client has. */
export class RoomRequests {
  readonly #deps: { readonly events: RoomEvents; readonly stays: Stays; readonly windows: RoomWindows }

  constructor(deps: { events: RoomEvents; stays: Stays; windows: RoomWindows }) {
    this.#deps = deps
  }

  /** Of a room that the reader is or was joined to; at once where they were joined all the time. */
  of(view: SyncView, known: KnownRoom): RoomSectionRequest | Promise<RoomSectionRequest> {
    const { userRoom, room } = known
    const { membership, pos, watch } = userRoom
    if (membership !== 'join') return this.#ofLeft(view, known)
    const { since, position: upTo } = view
    if (since !== undefined && pos > since) return this.#ofJoinedSince(view, known, since)
    return { room, watch, since, upTo, withSummary: true, wasJoined: since !== undefined }
  }

  async #ofJoinedSince(view: SyncView, known: KnownRoom, since: number): Promise<RoomSectionRequest> {
    const { userRoom, room } = known
    const had = await this.#hadBefore(view, known, since)
    return { room, watch: userRoom.watch, upTo: view.position, withSummary: true, ...had }
  }

  /** Of a room that the reader has left: what came before that, and how they left. */
  async #ofLeft(view: SyncView, known: KnownRoom): Promise<RoomSectionRequest> {
    const { userRoom, room } = known
    const { since } = view
    const end = await this.#deps.stays.lastEnd(room, userRoom.nid)
    const ownMemberNid = end?.nid === userRoom.nid ? undefined : userRoom.nid
    // Somebody who never joined, or whose client has seen the end of the stay, gets nothing but their new membership.
    if (!end || (since !== undefined && end.pos <= since))
      return { room, since, upTo: undefined, ownMemberNid: userRoom.nid }
    const had = since === undefined ? { since } : await this.#hadBefore(view, known, since)
    return { room, ...had, upTo: end.pos, ownMemberNid }
  }

  /**
   * What a client with that token has of a room whose membership has changed since. To somebody who was not joined then
   * it is new; but what came before an earlier stay ended, the client may have.
   */
  async #hadBefore(
    { requester }: SyncView,
    { userRoom, room }: KnownRoom,
    since: number,
  ): Promise<Pick<RoomSectionRequest, 'since' | 'after'>> {
    const { windows, events, stays } = this.#deps
    const state = await windows.stateAt(room, userRoom.watch, since)
    const member = await events.findStateWithNid(state, 'm.room.member', requester.userId)
    if (membershipOf(member?.event) === 'join') return { since }
    const end = member && (await stays.lastEnd(room, member.reference))
    return { since: undefined, after: end?.pos }
  }
}
