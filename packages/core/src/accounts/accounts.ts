import { buildUserId, MatrixError, type ServerName, type UserId } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Store, Tables } from '@hearth/store'
import type { Passwords } from './passwords.ts'
import type { Sessions } from './sessions.ts'
import { generateLocalpart, newLocalpart } from './usernames.ts'

/** An account to be created. */
export interface NewAccount {
  readonly localpart: string
  /** null: no password is right. */
  readonly passwordHash: string | null
  readonly isAdmin: boolean
  readonly isGuest?: boolean
}

/** The accounts of this server. */
export class Accounts {
  readonly #store: Store
  readonly #clock: Clock
  readonly #passwords: Passwords
  readonly #sessions: Sessions
  readonly #serverName: ServerName

  constructor(deps: {
    readonly store: Store
    readonly clock: Clock
    readonly passwords: Passwords
    readonly sessions: Sessions
    readonly serverName: ServerName
  }) {
    this.#store = deps.store
    this.#clock = deps.clock
    this.#passwords = deps.passwords
    this.#sessions = deps.sessions
    this.#serverName = deps.serverName
  }

  /**
   * Creates an account outside of any flow: for administrators.
   * @throws MatrixError M_INVALID_USERNAME, M_USER_IN_USE, M_WEAK_PASSWORD, M_INVALID_PARAM.
   */
  async create(username: string, password: string, options: { readonly admin?: boolean } = {}): Promise<UserId> {
    const localpart = await this.reserve(username)
    const passwordHash = await this.#passwords.hash(password)
    const userNid = await this.#store.users.intern(this.userIdOf(localpart))
    await this.insert(this.#store, userNid, { localpart, passwordHash, isAdmin: options.admin ?? false })
    return this.userIdOf(localpart)
  }

  /**
   * The localpart that an account would get under this name, or a random one without a name. It is not kept free.
   * @throws MatrixError M_INVALID_USERNAME, M_USER_IN_USE.
   */
  async reserve(username: string | undefined): Promise<string> {
    if (username === undefined) return generateLocalpart()
    const localpart = newLocalpart(username, this.#serverName)
    if ((await this.#store.accounts.findByLocalpart([localpart])) !== undefined) throw nameTaken()
    return localpart
  }

  /**
   * Adds an account, of a user that has been interned. `tables` may be a transaction.
   * @throws MatrixError M_USER_IN_USE when the name was taken meanwhile.
   */
  async insert(tables: Tables, userNid: number, account: NewAccount): Promise<void> {
    if (!(await tables.accounts.insert({ userNid, createdTs: this.#clock.now(), ...account }))) throw nameTaken()
  }

  /**
   * Makes an ordinary account of a guest's, which is logged out everywhere.
   * @throws MatrixError M_USER_IN_USE when it is no guest's any more.
   */
  async upgradeGuest(tx: Tables, userNid: number, account: { passwordHash: string; isAdmin: boolean }): Promise<void> {
    const { passwordHash, isAdmin } = account
    if (!(await tx.accounts.upgradeGuest(userNid, passwordHash, isAdmin))) throw nameTaken()
    await tx.devices.deleteAll(userNid)
  }

  /** Makes an account an administrator's, or an ordinary one. Takes effect with the next request. */
  async setAdmin(userNid: number, isAdmin: boolean): Promise<void> {
    await this.#sessions.changing(() => this.#store.accounts.setAdmin(userNid, isAdmin))
  }

  /** Removes an account and all that belongs to it. What it has said in rooms stays; nothing keeps its name free. */
  async delete(userNid: number): Promise<void> {
    await this.#sessions.changing(() => this.#store.accounts.delete(userNid))
  }

  /** The user id of a localpart. */
  userIdOf(localpart: string): UserId {
    return buildUserId(localpart, this.#serverName)
  }
}

function nameTaken(): MatrixError {
  return new MatrixError('M_USER_IN_USE', 'The user name is taken')
}
