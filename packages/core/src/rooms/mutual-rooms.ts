import { invalidParam, type RoomId, type UserId } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import type { Requester } from '../requester.ts'

export interface MutualRoomsPage {
  readonly joined: readonly RoomId[]
  /** How many there are in all. */
  readonly count: number
  /** Absent when there are no more. */
  readonly next_batch?: string
}

const roomsPerPage = 100

/** The rooms that two users are both joined to. */
export class MutualRooms {
  readonly #store: Store

  constructor(deps: { store: Store }) {
    this.#store = deps.store
  }

  /**
   * The rooms that the requester is joined to together with another user, in pages.
   * {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mutual_rooms}
   *
   * @throws MatrixError M_INVALID_PARAM for the requester themselves and for a bad token.
   */
  async list(requester: Requester, userId: UserId, from?: string): Promise<MutualRoomsPage> {
    if (userId === requester.userId) throw invalidParam('Nobody shares rooms with themselves')
    const after = from === undefined ? 0 : parseToken(from)
    const stateKeyNid = await this.#store.stateKeys.find(userId)
    if (stateKeyNid === undefined) return { joined: [], count: 0 }
    const { roomNids, count } = await this.#store.currentState.listShared(requester.userNid, stateKeyNid, {
      after,
      limit: roomsPerPage + 1,
    })
    const page = roomNids.slice(0, roomsPerPage)
    const roomIds = new Map((await this.#store.rooms.findByNids(page)).map(({ nid, roomId }) => [nid, roomId]))
    return {
      joined: page.flatMap((nid) => roomIds.get(nid) ?? []),
      count,
      ...(roomNids.length > page.length && { next_batch: `m${page.at(-1)}` }),
    }
  }
}

/** A token names the last room of a page. */
function parseToken(token: string): number {
  const match = /^m(\d{1,9})$/.exec(token)
  if (!match) throw invalidParam('Not a token of this server')
  return Number(match[1])
}
