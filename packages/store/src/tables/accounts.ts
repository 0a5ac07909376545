import type { Queryable } from '../connection/queryable.ts'

export interface AccountRow {
  readonly userNid: number
  readonly localpart: string
  /** In PHC format; null when no password is right. */
  readonly passwordHash: string | null
  readonly isAdmin: boolean
  readonly isGuest: boolean
  readonly createdTs: number
  readonly deactivatedTs: number | null
  /** Locked out of all sessions, for as long as an administrator says so. */
  readonly isLocked: boolean
  /** Still reads, but neither speaks nor comes in anywhere, for as long as an administrator says so. */
  readonly isSuspended: boolean
}

const columns = `user_nid as "userNid", localpart, password_hash as "passwordHash", is_admin as "isAdmin", is_guest as "isGuest",
  created_ts as "createdTs", deactivated_ts as "deactivatedTs", is_locked as "isLocked", is_suspended as "isSuspended"`

/** The people and bots of this server: who may log in, and with which password. */
export class Accounts {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** Adds an account; false when the localpart is taken. */
  async insert({
    isGuest = false,
    ...account
  }: Omit<AccountRow, 'deactivatedTs' | 'isGuest' | 'isLocked' | 'isSuspended'> & {
    readonly isGuest?: boolean
  }): Promise<boolean> {
    const inserted = await this.#db.execute(
      'accounts.insert',
      `insert into accounts (user_nid, localpart, password_hash, is_admin, is_guest, created_ts)
       values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
      [account.userNid, account.localpart, account.passwordHash, account.isAdmin, isGuest, account.createdTs],
    )
    return inserted === 1
  }

  /** The account with one of these localparts: the first for which there is one. */
  async findByLocalpart(localparts: readonly string[]): Promise<AccountRow | undefined> {
    const rows = await this.#db.read<AccountRow>(
      'accounts.findByLocalpart',
      `select ${columns} from accounts where localpart = any ($1) order by array_position($1, localpart) limit 1`,
      [localparts],
    )
    return rows[0]
  }

  async find(userNid: number): Promise<AccountRow | undefined> {
    const rows = await this.#db.read<AccountRow>(
      'accounts.find',
      `select ${columns} from accounts where user_nid = $1`,
      [userNid],
    )
    return rows[0]
  }

  /** Whether there is any account at all, and any that is an administrator's. */
  async census(): Promise<{ readonly any: boolean; readonly admin: boolean }> {
    const rows = await this.#db.read<{ any: boolean; admin: boolean }>(
      'accounts.census',
      `select exists (select from accounts) as any, exists (select from accounts where is_admin) as admin`,
    )
    return rows[0]!
  }

  /** Replaces a password's hash, unless it has been replaced since it was read. */
  async replacePasswordHash(userNid: number, before: string, after: string): Promise<boolean> {
    const updated = await this.#db.execute(
      'accounts.replacePasswordHash',
      `update accounts set password_hash = $3 where user_nid = $1 and password_hash = $2`,
      [userNid, before, after],
    )
    return updated === 1
  }

  /** Makes an ordinary account of a guest's; false when it is none. */
  async upgradeGuest(userNid: number, passwordHash: string, isAdmin: boolean): Promise<boolean> {
    const updated = await this.#db.execute(
      'accounts.upgradeGuest',
      `update accounts set is_guest = false, password_hash = $2, is_admin = $3
       where user_nid = $1 and is_guest and deactivated_ts is null`,
      [userNid, passwordHash, isAdmin],
    )
    return updated === 1
  }

  /** Makes an account an administrator's, or an ordinary one. */
  async setAdmin(userNid: number, isAdmin: boolean): Promise<void> {
    await this.#db.execute('accounts.setAdmin', `update accounts set is_admin = $2 where user_nid = $1`, [
      userNid,
      isAdmin,
    ])
  }

  /** Locks or suspends an account, or ends that. */
  async restrict(userNid: number, restriction: 'locked' | 'suspended', isOn: boolean): Promise<void> {
    const column = restriction === 'locked' ? 'is_locked' : 'is_suspended'
    await this.#db.execute(`accounts.${restriction}`, `update accounts set ${column} = $2 where user_nid = $1`, [
      userNid,
      isOn,
    ])
  }

  /** Replaces a password's hash. */
  async setPasswordHash(userNid: number, passwordHash: string): Promise<void> {
    await this.#db.execute('accounts.setPasswordHash', `update accounts set password_hash = $2 where user_nid = $1`, [
      userNid,
      passwordHash,
    ])
  }

  /**
   * Closes an account for good; the row stays, so that nobody else can take the name. Its password is kept, so that its
   * owner can be told why it does not work any more, unless the account is to be erased.
   */
  async deactivate(userNid: number, now: number, { erase = false } = {}): Promise<void> {
    await this.#db.execute(
      'accounts.deactivate',
      `update accounts set deactivated_ts = coalesce(deactivated_ts, $2), is_admin = false,
         password_hash = case when $3 then null else password_hash end
       where user_nid = $1`,
      [userNid, now, erase],
    )
  }

  /**
   * The deletion rule: removes the account and all that belongs to it: devices, access tokens, transaction ids, account
   * data, filters.
   */
  async delete(userNid: number): Promise<boolean> {
    return (await this.#db.execute('accounts.delete', `delete from accounts where user_nid = $1`, [userNid])) === 1
  }
}
