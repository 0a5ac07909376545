import { forbidden, invalidParam, notFound, serverOf, type ServerName, type UserId } from '@hearth/protocol'
import type { AccountRow, DeviceRow, Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { Sessions } from './sessions.ts'

/** What an administrator can take from an account, and give back. */
export type Restriction = 'locked' | 'suspended'

/**
 * What administrators do about accounts. Whether who asks is one is checked before anything is looked up.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#server-administration}
 */
export class AccountModeration {
  readonly #store: Store
  readonly #sessions: Pick<Sessions, 'changing'>
  readonly #serverName: ServerName

  constructor(deps: { store: Store; sessions: Pick<Sessions, 'changing'>; serverName: ServerName }) {
    this.#store = deps.store
    this.#sessions = deps.sessions
    this.#serverName = deps.serverName
  }

  /**
   * Whether an account is locked or suspended.
   *
   * @throws MatrixError M_FORBIDDEN for who is no administrator, and about another one; M_INVALID_PARAM for users of other
   *   servers; M_NOT_FOUND for accounts that there are not, or not any more.
   */
  async isUnder(requester: Requester, userId: UserId, restriction: Restriction): Promise<boolean> {
    const account = await this.#find(requester, userId)
    return restriction === 'locked' ? account.isLocked : account.isSuspended
  }

  /**
   * Locks or suspends an account, or ends that. It holds for every session at once, for requests that wait as well.
   * @throws MatrixError as {@link isUnder}; M_FORBIDDEN about the own account.
   */
  async restrict(requester: Requester, userId: UserId, restriction: Restriction, isOn: boolean): Promise<void> {
    requireAdministrator(requester)
    if (userId === requester.userId) throw forbidden('Nobody can do this to themselves')
    const { userNid } = await this.#find(requester, userId)
    await this.#sessions.changing(() => this.#store.accounts.restrict(userNid, restriction, isOn))
  }

  /**
   * The devices of a user, with where they were last seen: for the user and for administrators.
   * @throws MatrixError M_FORBIDDEN for others, M_NOT_FOUND.
   */
  async devicesOf(requester: Requester, userId: UserId): Promise<DeviceRow[]> {
    if (userId !== requester.userId) requireAdministrator(requester)
    const account = await this.#account(userId)
    if (!account) throw notFound('There is no such user here')
    return this.#store.devices.list(account.userNid)
  }

  async #find(requester: Requester, userId: UserId): Promise<AccountRow> {
    requireAdministrator(requester)
    if (serverOf(userId) !== this.#serverName) throw invalidParam('This is a user of another server')
    const account = await this.#account(userId)
    if (account?.deactivatedTs !== null) throw notFound('There is no such user here')
    if (account.isAdmin && userId !== requester.userId) throw forbidden('This is another administrator')
    return account
  }

  async #account(userId: UserId): Promise<AccountRow | undefined> {
    const userNid = await this.#store.users.find(userId)
    return userNid === undefined ? undefined : this.#store.accounts.find(userNid)
  }
}

function requireAdministrator({ isAdmin }: Requester): void {
  if (!isAdmin) throw forbidden('Only administrators may do this')
}
