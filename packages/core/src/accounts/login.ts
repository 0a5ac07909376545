import type { JsonObject, UserId } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import type { Accounts } from './accounts.ts'
import type { Flow, Stage } from './flows/flow.ts'
import { listFlows, type StagedAuth } from './flows/staged-auth.ts'
import { optionalString } from './flows/submission.ts'
import { PASSWORD, passwordStage } from './flows/stages/password.ts'
import type { LoginTokens } from './login-tokens.ts'
import type { PasswordAttempt, PasswordCheck } from './password-check.ts'
import type { DeviceRequest, OpenedSession, Sessions } from './sessions.ts'
import { checkDevice } from './sessions.ts'

/** Somebody who has just logged in. */
export interface LoggedIn {
  readonly userId: UserId
  readonly session: OpenedSession
}

export type StagedLoginOutcome =
  { readonly kind: 'logged-in'; readonly loggedIn: LoggedIn } | { readonly kind: 'next'; readonly answer: JsonObject }

const flows: readonly Flow[] = [[PASSWORD]]

/** How people get access tokens, in both generations of the API. */
export class Login {
  readonly #store: Store
  readonly #accounts: Accounts
  readonly #sessions: Sessions
  readonly #loginTokens: LoginTokens
  readonly #passwordCheck: PasswordCheck
  readonly #stagedAuth: StagedAuth
  readonly #stages: readonly Stage[]

  constructor(deps: {
    readonly store: Store
    readonly accounts: Accounts
    readonly sessions: Sessions
    readonly loginTokens: LoginTokens
    readonly passwordCheck: PasswordCheck
    readonly stagedAuth: StagedAuth
  }) {
    this.#store = deps.store
    this.#accounts = deps.accounts
    this.#sessions = deps.sessions
    this.#loginTokens = deps.loginTokens
    this.#passwordCheck = deps.passwordCheck
    this.#stagedAuth = deps.stagedAuth
    this.#stages = [passwordStage(deps.passwordCheck)]
  }

  /** The flows of the first client API, which today's has as well. */
  listFlows(): { type: string; stages?: string[] }[] {
    return listFlows(flows)
  }

  /** @throws MatrixError as `PasswordCheck.verify`, M_INVALID_PARAM for a device that cannot be. */
  async withPassword(attempt: PasswordAttempt, device: Omit<DeviceRequest, 'ip'>): Promise<LoggedIn> {
    checkDevice(device)
    const { userNid, localpart } = await this.#passwordCheck.verify(attempt)
    return this.#open(userNid, this.#accounts.userIdOf(localpart), { ...device, ip: attempt.ip })
  }

  /** @throws MatrixError M_FORBIDDEN for what is no login token (any more), M_INVALID_PARAM for a device that cannot be. */
  async withToken(token: string, device: DeviceRequest): Promise<LoggedIn> {
    checkDevice(device)
    const { userNid } = await this.#loginTokens.use(token)
    return this.#open(userNid, await this.#store.users.keyOf(userNid), device)
  }

  /**
   * Takes a stage of the first client API; the last one logs in, on the device that it names or on a new one.
   * @throws MatrixError as `StagedAuth.submit` and `PasswordCheck.verify`, M_INVALID_PARAM for a device that cannot be.
   */
  async submitStage(body: JsonObject, ip: string): Promise<StagedLoginOutcome> {
    const device = { deviceId: optionalString(body, 'device_id'), ip }
    checkDevice(device)
    const auth = await this.#stagedAuth.submit({ purpose: 'v1-login', flows, stages: this.#stages, body, ip })
    if (auth.kind === 'next') return auth
    const { user_nid, localpart } = auth.proofs.get(PASSWORD) as { user_nid: number; localpart: string }
    return { kind: 'logged-in', loggedIn: await this.#open(user_nid, this.#accounts.userIdOf(localpart), device) }
  }

  async #open(userNid: number, userId: UserId, device: DeviceRequest): Promise<LoggedIn> {
    // The device may have been logged in: its old token ends.
    const session = await this.#sessions.changing(() =>
      this.#store.transaction((tx) => this.#sessions.open(tx, userNid, device)),
    )
    return { userId, session }
  }
}
