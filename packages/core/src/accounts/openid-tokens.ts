import { type UserId } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import { generateToken, tokenHash } from './secret-token.ts'

const LIFETIME_S = 3_600

/**
 * Tokens with which users show third parties who they are, and nothing else.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#openid}
 */
export class OpenIdTokens {
  readonly #store: Store
  readonly #clock: Clock

  constructor(deps: { readonly store: Store; readonly clock: Clock }) {
    this.#store = deps.store
    this.#clock = deps.clock
  }

  /** Gives a token, and how long it is valid, in seconds. */
  async generate({ userNid }: Requester): Promise<{ readonly token: string; readonly expiresInS: number }> {
    const token = generateToken('openid')
    const now = this.#clock.now()
    await this.#store.openIdTokens.insert(tokenHash('openid', token)!, userNid, now + LIFETIME_S * 1_000, now)
    return { token, expiresInS: LIFETIME_S }
  }

  /** Whose token it is; undefined when it is none, or no longer one. */
  async userOf(token: string): Promise<UserId | undefined> {
    const hash = tokenHash('openid', token)
    const found = hash && (await this.#store.openIdTokens.find(hash, this.#clock.now()))
    return found && (await this.#store.users.keyOf(found.userNid))
  }
}
