import type { OutsideMembershipEntry, OutsideMemberships } from '../tables/outside-memberships.ts'
import type { StreamSource } from './streams.ts'

/** A local user was invited into a room that this server is not in, knocked on it, or is no longer invited. */
export interface OutsideMembershipStreamChange extends OutsideMembershipEntry {
  readonly kind: 'outside-membership'
}

/** The part of the stream that memberships of rooms elsewhere make. */
export class OutsideMembershipStream implements StreamSource<OutsideMembershipStreamChange> {
  readonly kind = 'outside-membership'
  readonly #memberships: OutsideMemberships

  constructor(memberships: OutsideMemberships) {
    this.#memberships = memberships
  }

  async list(after: number, upTo: number, limit: number): Promise<OutsideMembershipStreamChange[]> {
    const rows = await this.#memberships.listByPosition(after, upTo, limit)
    return rows.map((row) => ({ kind: 'outside-membership', ...row }))
  }
}
