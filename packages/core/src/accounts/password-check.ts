import { forbidden, MatrixError, type ServerName } from '@hearth/protocol'
import type { AccountRow, Store } from '@hearth/store'
import type { LoginLimits } from './attempt-limiter.ts'
import type { Passwords } from './passwords.ts'
import { loginLocalparts } from './usernames.ts'

/** What somebody who wants to be let in has typed, and where. */
export interface PasswordAttempt {
  /** A localpart or a full user id. */
  readonly user: string
  readonly password: string
  readonly ip: string
}

/** Tells whether somebody is who they say, by their password. */
export class PasswordCheck {
  readonly #store: Store
  readonly #passwords: Passwords
  readonly #limits: LoginLimits
  readonly #serverName: ServerName

  constructor(deps: {
    readonly store: Store
    readonly passwords: Passwords
    readonly limits: LoginLimits
    readonly serverName: ServerName
  }) {
    this.#store = deps.store
    this.#passwords = deps.passwords
    this.#limits = deps.limits
    this.#serverName = deps.serverName
  }

  /** Whether what somebody types may mean the account of a localpart. */
  mayMean(user: string, localpart: string): boolean {
    return loginLocalparts(user, this.#serverName).includes(localpart)
  }

  /**
   * The account whose name and password these are. Neither answer nor time tells whether an account exists.
   * @throws MatrixError M_FORBIDDEN for a wrong password or unknown name, M_USER_DEACTIVATED for the right password of a
   * closed account, M_LIMIT_EXCEEDED after too many wrong ones, M_INVALID_PARAM for too long a password.
   */
  async verify({ user, password, ip }: PasswordAttempt): Promise<AccountRow> {
    const localparts = loginLocalparts(user, this.#serverName)
    // The last one is in lower case: an account has one counter, however its name is written.
    const giveBack = await this.#take(localparts.at(-1) ?? '', ip)
    let account: AccountRow | undefined
    try {
      account = await this.#owner(localparts, password)
    } catch (error) {
      await giveBack()
      throw error
    }
    if (account === undefined) throw forbidden('The user name or password is wrong')
    await giveBack()
    if (account.deactivatedTs !== null) {
      throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    }
    await this.#renewHash(account, password)
    return account
  }

  /** The account of one of these names, if the password is its. */
  async #owner(localparts: readonly string[], password: string): Promise<AccountRow | undefined> {
    const account = localparts.length > 0 ? await this.#store.accounts.findByLocalpart(localparts) : undefined
    // Also without an account: it takes the same time.
    const isRight = await this.#passwords.verify(account?.passwordHash, password)
    return isRight ? account : undefined
  }

  /**
   * Takes an attempt before anything is computed, so that many at once count as well as one after the other. Resolves to
   * what gives it back: only wrong passwords count.
   */
  async #take(account: string, ip: string): Promise<() => Promise<void>> {
    const { perAccount, perAddress } = this.#limits
    await perAccount.take(account)
    try {
      await perAddress.take(ip)
    } catch (error) {
      await perAccount.giveBack(account)
      throw error
    }
    return async () => {
      await Promise.all([perAccount.giveBack(account), perAddress.giveBack(ip)])
    }
  }

  /** The one moment when the password is known and its hash can be made anew, at the cost of today. */
  async #renewHash({ userNid, passwordHash }: AccountRow, password: string): Promise<void> {
    if (passwordHash === null || !this.#passwords.isOutdated(passwordHash)) return
    await this.#store.accounts.replacePasswordHash(userNid, passwordHash, await this.#passwords.hash(password))
  }
}
