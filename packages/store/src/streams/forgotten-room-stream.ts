import type { LocalMemberships } from '../tables/local-memberships.ts'
import type { StreamSource } from './streams.ts'

/** A user forgot a room. */
export interface ForgottenRoomStreamChange {
  readonly kind: 'forgotten-room'
  readonly pos: number
  readonly userNid: number
  readonly roomNid: number
}

/** The part of the stream that forgotten rooms make. */
export class ForgottenRoomStream implements StreamSource<ForgottenRoomStreamChange> {
  readonly kind = 'forgotten-room'
  readonly #localMemberships: LocalMemberships

  constructor(localMemberships: LocalMemberships) {
    this.#localMemberships = localMemberships
  }

  async list(after: number, upTo: number, limit: number): Promise<ForgottenRoomStreamChange[]> {
    const rows = await this.#localMemberships.listForgottenByPosition(after, upTo, limit)
    return rows.map((row) => ({ kind: 'forgotten-room', ...row }))
  }
}
