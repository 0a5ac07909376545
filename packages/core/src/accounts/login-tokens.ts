import { forbidden, type JsonObject } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { AuthChallenge } from './flows/interactive-auth.ts'
import type { Reauthentication } from './reauthentication.ts'
import { generateToken, tokenHash } from './secret-token.ts'

const LIFETIME_MS = 2 * 60_000

export type LoginTokenOutcome =
  | { readonly kind: 'given'; readonly loginToken: string; readonly expiresInMs: number }
  | { readonly kind: 'challenge'; readonly challenge: AuthChallenge }

/**
 * Tokens with which a user who is logged in lets another of their devices log in: each once, and soon.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#token-based}
 */
export class LoginTokens {
  readonly #store: Store
  readonly #clock: Clock
  readonly #reauthentication: Reauthentication

  constructor(deps: { readonly store: Store; readonly clock: Clock; readonly reauthentication: Reauthentication }) {
    this.#store = deps.store
    this.#clock = deps.clock
    this.#reauthentication = deps.reauthentication
  }

  /**
   * Gives a token, or says what is missing.
   * @throws MatrixError M_FORBIDDEN when the session has given one: each is asked for anew; as `Reauthentication.perform`.
   */
  async generate(requester: Requester, body: JsonObject, ip: string): Promise<LoginTokenOutcome> {
    const loginToken = generateToken('login')
    const outcome = await this.#reauthentication.perform(
      { requester, purpose: 'login-token', body, ip },
      async (tx) => {
        const now = this.#clock.now()
        await tx.loginTokens.insert(tokenHash('login', loginToken)!, requester.userNid, now + LIFETIME_MS, now)
      },
    )
    if (outcome.kind === 'challenge') return outcome
    if (outcome.kind === 'repeated') throw forbidden('The session has given its token')
    return { kind: 'given', loginToken, expiresInMs: LIFETIME_MS }
  }

  /** Uses a token up. @throws MatrixError M_FORBIDDEN when it is none, or no longer one. */
  async use(token: string): Promise<{ readonly userNid: number }> {
    const hash = tokenHash('login', token)
    const used = hash && (await this.#store.loginTokens.use(hash, this.#clock.now()))
    if (used === undefined) throw forbidden('The login token is not valid')
    return used
  }
}
