import { forbidden, MatrixError, type JsonObject } from '@hearth/protocol'
import type { AccountCreation, AccountRequest, Registered, WantedAccount } from './account-creation.ts'
import type { Accounts } from './accounts.ts'
import type { Flow, Stage } from './flows/flow.ts'
import type { AuthChallenge, InteractiveAuth } from './flows/interactive-auth.ts'
import { listFlows, type StagedAuth } from './flows/staged-auth.ts'
import { optionalString } from './flows/submission.ts'
import { dummyStage } from './flows/stages/dummy.ts'
import { newPasswordStage } from './flows/stages/new-password.ts'
import { PASSWORD } from './flows/stages/password.ts'
import { REGISTRATION_TOKEN, registrationTokenStage } from './flows/stages/registration-token.ts'
import type { LoggedIn } from './login.ts'
import { TERMS, termsStage } from './flows/stages/terms.ts'
import type { Passwords } from './passwords.ts'
import type { RegistrationTokens } from './registration-tokens.ts'
import { checkDevice, type DeviceRequest } from './sessions.ts'

/** Who may register: anybody, whoever has a registration token, or nobody. */
export type RegistrationMode = 'open' | 'token' | 'closed'

/** What a client asks for, and the proof that it may. */
export interface RegistrationRequest extends AccountRequest {
  /** The whole body. */
  readonly body: JsonObject
}

export type RegistrationOutcome =
  | { readonly kind: 'registered'; readonly registered: Registered }
  | { readonly kind: 'challenge'; readonly challenge: AuthChallenge }

export type StagedRegistrationOutcome =
  | { readonly kind: 'registered'; readonly registered: Registered }
  | { readonly kind: 'next'; readonly answer: JsonObject }

const REGISTER = 'register'

/** How people get accounts, in both generations of the API. */
export class Registration {
  readonly #deps: RegistrationDeps
  readonly #interactiveStages: readonly Stage[]
  readonly #stagedStages: readonly Stage[]

  constructor(deps: RegistrationDeps) {
    this.#deps = deps
    const tokenStage = registrationTokenStage(deps.tokens)
    const termsStages = deps.termsUrl === undefined ? [] : [termsStage(deps.termsUrl)]
    this.#interactiveStages = [dummyStage, tokenStage, ...termsStages]
    this.#stagedStages = [tokenStage, ...termsStages, newPasswordStage(deps)]
  }

  /**
   * Checks that somebody could register under a name now.
   * @throws MatrixError M_INVALID_USERNAME, M_USER_IN_USE, M_FORBIDDEN when nobody can register.
   */
  async checkAvailable(username: string): Promise<void> {
    this.#checkOpen()
    await this.#deps.accounts.reserve(username)
  }

  /**
   * Whether somebody could register with a token now.
   * @throws MatrixError M_FORBIDDEN when nobody can register.
   */
  async isTokenUsable(token: string): Promise<boolean> {
    this.#checkOpen()
    return this.#deps.tokens.isUsable(token)
  }

  /**
   * Registers an account, or says what is missing. The first account that is registered with the token for it is an
   * administrator's. The same request again, of the same session and soon enough, is for the same account.
   * @throws MatrixError M_FORBIDDEN when nobody can register and for who is not the guest whose account is to be upgraded,
   * M_INVALID_USERNAME, M_USER_IN_USE, M_WEAK_PASSWORD, M_MISSING_PARAM without a password, M_INVALID_PARAM.
   */
  async register(request: RegistrationRequest): Promise<RegistrationOutcome> {
    this.#checkOpen()
    const { accountCreation, interactiveAuth } = this.#deps
    const { ip } = request.device
    const auth = await interactiveAuth.authorize({
      purpose: REGISTER,
      flows: this.#interactiveFlows(),
      stages: this.#interactiveStages,
      body: request.body,
      establish: () => accountCreation.establish(request),
      ip,
    })
    if (auth.kind === 'challenge') return auth
    if (auth.kind === 'repeated') {
      return { kind: 'registered', registered: await accountCreation.repeat(auth.result, ip) }
    }
    const registered = await accountCreation.create(auth.established as WantedAccount | undefined, auth, ip)
    // The same request may have come twice, and the other one have been faster: then this one repeats it.
    return registered ? { kind: 'registered', registered } : this.register(request)
  }

  /**
   * Lets a guest in, under a random name.
   * @throws MatrixError M_GUEST_ACCESS_FORBIDDEN when this server has no guests, M_INVALID_PARAM.
   */
  async registerGuest(device: Omit<DeviceRequest, 'deviceId'>): Promise<LoggedIn> {
    if (!this.#deps.guests) throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'This server has no guest accounts')
    return this.#deps.accountCreation.createGuest(device)
  }

  /** The stages that sessions of a purpose ask for, if it is to register. */
  stagesOf(purpose: string): readonly Stage[] {
    const asked = this.#interactiveFlows().flat()
    return purpose === REGISTER ? this.#interactiveStages.filter(({ type }) => asked.includes(type)) : []
  }

  /** The flows of the first client API. */
  listFlows(): { type: string; stages?: string[] }[] {
    return listFlows(this.#stagedFlows())
  }

  /**
   * Takes a stage of the first client API; the last one registers the account, and logs in on the device that it names or
   * on a new one.
   * @throws MatrixError as `StagedAuth.submit`, M_FORBIDDEN when nobody can register, M_INVALID_USERNAME, M_USER_IN_USE,
   * M_WEAK_PASSWORD, M_INVALID_PARAM.
   */
  async submitStage(body: JsonObject, ip: string): Promise<StagedRegistrationOutcome> {
    this.#checkOpen()
    const device = { deviceId: optionalString(body, 'device_id') }
    checkDevice(device)
    const auth = await this.#deps.stagedAuth.submit({
      purpose: 'v1-register',
      flows: this.#stagedFlows(),
      stages: this.#stagedStages,
      body,
      ip,
    })
    if (auth.kind === 'next') return auth
    const { localpart, password_hash } = auth.proofs.get(PASSWORD) as { localpart: string; password_hash: string }
    const wanted = { localpart, passwordHash: password_hash, device, inhibitLogin: false }
    const registered = await this.#deps.accountCreation.create(wanted, auth, ip)
    if (registered === undefined) throw forbidden('The session has been used by another request')
    return { kind: 'registered', registered }
  }

  #checkOpen(): void {
    if (this.#deps.mode === 'closed') throw forbidden('Nobody can register on this server')
  }

  #interactiveFlows(): readonly Flow[] {
    const stages = this.#conditions()
    // Something has to be passed.
    return [stages.length > 0 ? stages : [dummyStage.type]]
  }

  #stagedFlows(): readonly Flow[] {
    if (this.#deps.mode === 'closed') return []
    return [[...this.#conditions(), PASSWORD]]
  }

  /** The stages that whoever registers has to pass, in both generations. */
  #conditions(): Flow {
    const { mode, termsUrl } = this.#deps
    return [...(mode === 'token' ? [REGISTRATION_TOKEN] : []), ...(termsUrl === undefined ? [] : [TERMS])]
  }
}

export interface RegistrationDeps {
  readonly accounts: Accounts
  readonly accountCreation: AccountCreation
  readonly passwords: Passwords
  readonly tokens: RegistrationTokens
  readonly interactiveAuth: InteractiveAuth
  readonly stagedAuth: StagedAuth
  readonly mode: RegistrationMode
  /** Whether people may come in without an account of their own. */
  readonly guests: boolean
  /** Where the terms are that people have to agree to. */
  readonly termsUrl: string | undefined
}
