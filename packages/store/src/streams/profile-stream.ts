import type { ProfileRow, Profiles } from '../tables/profiles.ts'
import type { StreamSource } from './streams.ts'

/** A profile that was changed. */
export interface ProfileStreamChange {
  readonly kind: 'profile'
  readonly pos: number
  readonly profile: ProfileRow
}

/** The part of the stream that changes of profiles make. */
export class ProfileStream implements StreamSource<ProfileStreamChange> {
  readonly kind = 'profile'
  readonly #profiles: Profiles

  constructor(profiles: Profiles) {
    this.#profiles = profiles
  }

  async list(after: number, upTo: number, limit: number): Promise<ProfileStreamChange[]> {
    const rows = await this.#profiles.listByPosition(after, upTo, limit)
    return rows.map((profile) => ({ kind: 'profile', pos: profile.pos, profile }))
  }
}
