import { randomBytes } from 'node:crypto'
import { forbidden, MatrixError } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Store, Tables } from '@hearth/store'

/** {@link https://spec.matrix.org/v1.19/client-server-api/#token-authenticated-registration} */
const tokenGrammar = /^[A-Za-z0-9._~-]{1,64}$/

export interface RegistrationTokenOptions {
  /** A random one when absent. */
  readonly token?: string
  /** How many accounts may be registered with it; any number when absent. */
  readonly usesAllowed?: number
  /** Milliseconds since the epoch; never when absent. */
  readonly expiresTs?: number
}

/** The tokens that an administrator hands to those who may register. */
export class RegistrationTokens {
  readonly #store: Store
  readonly #clock: Clock

  constructor(deps: { readonly store: Store; readonly clock: Clock }) {
    this.#store = deps.store
    this.#clock = deps.clock
  }

  /**
   * Adds a token and returns it.
   * @throws MatrixError M_INVALID_PARAM for a text that no token may have or that one has.
   */
  async create(options: RegistrationTokenOptions = {}): Promise<string> {
    const { token = randomToken(), usesAllowed = null, expiresTs = null } = options
    const inserted =
      tokenGrammar.test(token) &&
      (await this.#store.registrationTokens.insert({
        token,
        usesAllowed,
        expiresTs,
        grantsAdmin: false,
        now: this.#clock.now(),
      }))
    if (!inserted) throw new MatrixError('M_INVALID_PARAM', 'There is such a token already, or none may be called so')
    return token
  }

  /** Whether somebody could register with a token now. */
  async isUsable(token: string): Promise<boolean> {
    return tokenGrammar.test(token) && (await this.#store.registrationTokens.isUsable(token, this.#clock.now()))
  }

  /**
   * Counts a use, in the transaction that creates the account, and returns what the account gains.
   * @throws MatrixError M_FORBIDDEN when the token has been used up meanwhile.
   */
  async use(tx: Tables, token: string): Promise<{ readonly grantsAdmin: boolean }> {
    const used = await tx.registrationTokens.use(token, this.#clock.now())
    if (used === undefined) throw forbidden('The registration token is not valid any more')
    return used
  }

  /**
   * The token with which the first account, an administrator, is registered: made when there are no accounts, the same at
   * every call and in every process until it has been used. Withdrawn when there is an administrator already, who was
   * created some other way: it must not lie in logs with nobody waiting for it.
   */
  async firstAccountToken(): Promise<string | undefined> {
    const tokens = this.#store.registrationTokens
    const accounts = await this.#store.accounts.census()
    if (accounts.admin) {
      await tokens.deleteFirst()
      return undefined
    }
    if (!accounts.any) {
      const now = this.#clock.now()
      await tokens.insertFirst({ token: randomToken(), usesAllowed: 1, expiresTs: null, grantsAdmin: true, now })
    }
    return tokens.findFirst()
  }
}

/** 144 bits, in letters that are also easy to pass on. */
function randomToken(): string {
  return randomBytes(18).toString('base64url')
}
