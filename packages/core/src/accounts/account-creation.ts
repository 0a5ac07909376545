import { forbidden, localpartOf, MatrixError, type JsonObject, type UserId } from '@hearth/protocol'
import type { Store, Tables } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { Accounts } from './accounts.ts'
import type { CompletedSession, Proof } from './flows/flow.ts'
import type { FlowSessions } from './flows/flow-sessions.ts'
import { REGISTRATION_TOKEN } from './flows/stages/registration-token.ts'
import type { LoggedIn } from './login.ts'
import type { Passwords } from './passwords.ts'
import type { RegistrationTokens } from './registration-tokens.ts'
import { checkDevice, type DeviceRequest, type KnownDevice, type OpenedSession, type Sessions } from './sessions.ts'

/** What somebody who registers asks for. */
export interface AccountRequest {
  /** A random name when absent. */
  readonly username: string | undefined
  readonly password: string | undefined
  readonly device: DeviceRequest
  /** Whether to create the account and nothing else. */
  readonly inhibitLogin: boolean
  /** The access token of a guest whose account this is to become. The username is the guest's then. */
  readonly guestAccessToken?: string | undefined
}

/** An account that has just been registered. */
export interface Registered {
  readonly userId: UserId
  /** Absent when the client did not want to be logged in. */
  readonly session: OpenedSession | undefined
}

/** What is kept of a request until its flow is complete. */
export interface WantedAccount {
  readonly localpart: string
  readonly passwordHash?: string | undefined
  readonly device: Omit<DeviceRequest, 'ip'>
  readonly inhibitLogin: boolean
  /** The guest whose account it becomes. */
  readonly guestNid?: number | undefined
}

/** What is kept of an account for the client that may ask again: no access token, which nobody but the client has. */
interface KeptAccount {
  readonly userId: UserId
  readonly device?: KnownDevice | undefined
  readonly refreshable?: boolean | undefined
}

/** A flow that somebody has completed to register. */
interface CompletedFlow {
  readonly proofs: ReadonlyMap<string, Proof>
  readonly session: CompletedSession | undefined
}

/** Makes accounts out of completed flows, one out of each. */
export class AccountCreation {
  readonly #store: Store
  readonly #accounts: Accounts
  readonly #passwords: Passwords
  readonly #sessions: Sessions
  readonly #tokens: RegistrationTokens
  readonly #flowSessions: FlowSessions

  constructor(deps: {
    readonly store: Store
    readonly accounts: Accounts
    readonly passwords: Passwords
    readonly sessions: Sessions
    readonly tokens: RegistrationTokens
    readonly flowSessions: FlowSessions
  }) {
    this.#store = deps.store
    this.#accounts = deps.accounts
    this.#passwords = deps.passwords
    this.#sessions = deps.sessions
    this.#tokens = deps.tokens
    this.#flowSessions = deps.flowSessions
  }

  /**
   * Checks a request and resolves to what to keep of it until its flow is complete. The password becomes its hash here.
   * @throws MatrixError M_INVALID_USERNAME, M_USER_IN_USE, M_WEAK_PASSWORD, M_INVALID_PARAM; M_UNKNOWN_TOKEN and M_FORBIDDEN
   * when a guest's account is to be upgraded by who is not that guest.
   */
  async establish(request: AccountRequest): Promise<JsonObject> {
    const { username, password, device, inhibitLogin, guestAccessToken } = request
    checkDevice(device)
    const guest = guestAccessToken === undefined ? undefined : await this.#guest(guestAccessToken, username, device.ip)
    const localpart = guest ? localpartOf(guest.userId) : await this.#accounts.reserve(username)
    const passwordHash = password === undefined ? undefined : await this.#passwords.hash(password)
    const { deviceId, displayName, refreshable } = device
    return {
      localpart,
      passwordHash,
      device: { deviceId, displayName, refreshable },
      inhibitLogin,
      guestNid: guest?.userNid,
    } satisfies WantedAccount
  }

  /**
   * Creates the account that a flow is for; undefined when another request of its session has.
   * @throws MatrixError M_MISSING_PARAM when no request has brought a password, M_USER_IN_USE when the name was taken
   * meanwhile, M_FORBIDDEN when the registration token was used up meanwhile.
   */
  async create(wanted: WantedAccount | undefined, flow: CompletedFlow, ip: string): Promise<Registered | undefined> {
    if (wanted?.passwordHash === undefined) throw new MatrixError('M_MISSING_PARAM', 'password is missing')
    const { localpart, passwordHash, device, inhibitLogin, guestNid } = wanted
    const userId = this.#accounts.userIdOf(localpart)
    const userNid = await this.#store.users.intern(userId)
    const work = async (tx: Tables): Promise<Registered | undefined> => {
      if (flow.session !== undefined && !(await this.#flowSessions.claim(tx, flow.session))) return undefined
      const token = flow.proofs.get(REGISTRATION_TOKEN)?.['token']
      const isAdmin = typeof token === 'string' && (await this.#tokens.use(tx, token)).grantsAdmin
      if (guestNid === undefined) await this.#accounts.insert(tx, userNid, { localpart, passwordHash, isAdmin })
      else await this.#accounts.upgradeGuest(tx, guestNid, { passwordHash, isAdmin })
      const session = inhibitLogin ? undefined : await this.#sessions.open(tx, userNid, { ...device, ip })
      if (flow.session !== undefined) await this.#flowSessions.complete(tx, flow.session, kept({ userId, session }))
      return { userId, session }
    }
    const run = () => this.#store.transaction(work)
    return guestNid === undefined ? run() : this.#sessions.changing(run)
  }

  /** Creates an account of a guest: without a password, so that it lasts as long as its one session. */
  async createGuest(device: Omit<DeviceRequest, 'deviceId'>): Promise<LoggedIn> {
    checkDevice(device)
    const localpart = await this.#accounts.reserve(undefined)
    const userId = this.#accounts.userIdOf(localpart)
    const userNid = await this.#store.users.intern(userId)
    const session = await this.#store.transaction(async (tx) => {
      await this.#accounts.insert(tx, userNid, { localpart, passwordHash: null, isAdmin: false, isGuest: true })
      return this.#sessions.open(tx, userNid, device)
    })
    return { userId, session }
  }

  /**
   * Gives a client what it has registered and may not have learned of: its device, with another access token.
   * @throws MatrixError M_FORBIDDEN when the device has been logged out since.
   */
  async repeat(result: JsonObject, ip: string): Promise<Registered> {
    const { userId, device, refreshable } = result as unknown as KeptAccount
    if (device === undefined) return { userId, session: undefined }
    const session = await this.#sessions.renew(device, { ip, refreshable })
    if (session === undefined) throw forbidden('The device has been logged out')
    return { userId, session }
  }

  /** The guest whose access token this is and whom the name names. */
  async #guest(accessToken: string, username: string | undefined, ip: string): Promise<Requester> {
    const guest = await this.#sessions.authenticate(accessToken, ip)
    if (!guest.isGuest) throw forbidden('The access token is not a guest’s')
    if (username !== localpartOf(guest.userId)) throw forbidden('The guest has another name')
    return guest
  }
}

function kept({ userId, session }: Registered): JsonObject {
  const device = session && { deviceId: session.deviceId, deviceNid: session.deviceNid }
  return { userId, device, refreshable: session?.renewal !== undefined } satisfies KeptAccount
}
