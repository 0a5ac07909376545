import { createHmac, timingSafeEqual } from 'node:crypto'
import { forbidden, MatrixError } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import type { Accounts } from './accounts.ts'
import type { FlowSessions } from './flows/flow-sessions.ts'
import type { Passwords } from './passwords.ts'
import type { LoggedIn } from './login.ts'
import type { Sessions } from './sessions.ts'

/** An account that somebody who knows the shared secret wants created. */
export interface SharedSecretRequest {
  readonly nonce: string
  readonly username: string
  readonly password: string
  readonly admin: boolean
  /** Part of what is authenticated, and of no other meaning. */
  readonly userType: string | undefined
  /** HMAC-SHA1 of the other fields, in hexadecimal. */
  readonly mac: string
  readonly ip: string
}

const PURPOSE = 'shared-secret'
const NONCE_LIFETIME_MS = 60_000

/**
 * Accounts for whoever knows `registration.shared_secret`, whatever the mode of registration: what Synapse's
 * `register_new_matrix_user` and SyTest speak.
 * {@link https://element-hq.github.io/synapse/latest/admin_api/register_api.html}
 */
export class SharedSecretRegistration {
  readonly #store: Store
  readonly #accounts: Accounts
  readonly #passwords: Passwords
  readonly #sessions: Sessions
  readonly #flowSessions: FlowSessions
  readonly #secret: string | undefined

  constructor(deps: {
    readonly store: Store
    readonly accounts: Accounts
    readonly passwords: Passwords
    readonly sessions: Sessions
    readonly flowSessions: FlowSessions
    /** Nobody can register this way when it is undefined. */
    readonly secret: string | undefined
  }) {
    this.#store = deps.store
    this.#accounts = deps.accounts
    this.#passwords = deps.passwords
    this.#sessions = deps.sessions
    this.#flowSessions = deps.flowSessions
    this.#secret = deps.secret
  }

  /** A nonce for one registration within a minute. @throws MatrixError M_UNKNOWN when there is no shared secret. */
  async nonce(): Promise<string> {
    this.#requireSecret()
    return this.#flowSessions.open({ purpose: PURPOSE, lifetimeMs: NONCE_LIFETIME_MS })
  }

  /**
   * @throws MatrixError M_UNKNOWN when there is no shared secret or the nonce is not known (any more), M_FORBIDDEN for a
   * wrong MAC, M_INVALID_USERNAME, M_USER_IN_USE, M_WEAK_PASSWORD, M_INVALID_PARAM.
   */
  async register(request: SharedSecretRequest): Promise<LoggedIn> {
    const secret = this.#requireSecret()
    // Whatever comes of it, a nonce serves once: a MAC cannot be guessed at.
    if (!(await this.#flowSessions.close(this.#store, request.nonce, PURPOSE))) throw refused('Unrecognized nonce')
    if (!isEqual(macOf(request, secret), request.mac.toLowerCase())) throw forbidden('The HMAC is wrong')
    const localpart = await this.#accounts.reserve(request.username)
    const passwordHash = await this.#passwords.hash(request.password)
    const userId = this.#accounts.userIdOf(localpart)
    const userNid = await this.#store.users.intern(userId)
    const session = await this.#store.transaction(async (tx) => {
      await this.#accounts.insert(tx, userNid, { localpart, passwordHash, isAdmin: request.admin })
      return this.#sessions.open(tx, userNid, { ip: request.ip })
    })
    return { userId, session }
  }

  #requireSecret(): string {
    if (this.#secret === undefined) throw refused('Shared secret registration is not enabled')
    return this.#secret
  }
}

function macOf({ nonce, username, password, admin, userType }: SharedSecretRequest, secret: string): string {
  const fields = [
    nonce,
    username,
    password,
    admin ? 'admin' : 'notadmin',
    ...(userType === undefined ? [] : [userType]),
  ]
  return createHmac('sha1', secret).update(fields.join('\0')).digest('hex')
}

function isEqual(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function refused(message: string): MatrixError {
  return new MatrixError('M_UNKNOWN', message, { status: 400 })
}
