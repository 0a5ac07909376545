import type { ServerName } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import type { Clock, Logger, Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { StreamFeed } from '../sync/stream-feed.ts'
import { AccountCreation } from './account-creation.ts'
import { AccountModeration } from './account-moderation.ts'
import { Accounts } from './accounts.ts'
import type { LoginLimits } from './attempt-limiter.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { Deactivation } from './deactivation.ts'
import { DeviceActivity } from './device-activity.ts'
import { Devices } from './devices.ts'
import { FallbackAuth } from './flows/fallback-auth.ts'
import { FlowEngine } from './flows/flow-engine.ts'
import { FlowSessions } from './flows/flow-sessions.ts'
import { InteractiveAuth } from './flows/interactive-auth.ts'
import { StagedAuth } from './flows/staged-auth.ts'
import { Login } from './login.ts'
import { LoginTokens } from './login-tokens.ts'
import { OpenIdTokens } from './openid-tokens.ts'
import { PasswordChange } from './password-change.ts'
import { PasswordCheck } from './password-check.ts'
import { Passwords, type PasswordCost } from './passwords.ts'
import { Reauthentication } from './reauthentication.ts'
import { Registration, type RegistrationMode } from './registration.ts'
import { RegistrationTokens } from './registration-tokens.ts'
import { Sessions } from './sessions.ts'
import { SharedSecretRegistration } from './shared-secret-registration.ts'

export interface AccountServicesOptions {
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics?: Metrics
  readonly serverName: ServerName
  readonly registration: {
    readonly mode: RegistrationMode
    readonly guests?: boolean
    /** Where the terms are that people have to agree to, if there are any. */
    readonly termsUrl?: string
    readonly sharedSecret?: string
  }
  readonly loginLimits: LoginLimits
  /** What new password hashes cost; what is right for people when absent. */
  readonly passwordCost?: PasswordCost | undefined
  /** What goes on after its request was answered is its. */
  readonly jobs: Jobs
  /** Where erasures are told; a command, which erases nobody, has none. */
  readonly feed?: Pick<StreamFeed, 'publish' | 'reached' | 'writing'>
  /** Over which other processes are told of sessions that end. */
  readonly bus: Bus
  /** How often to look for sessions that other processes have ended, in milliseconds; 0 for never, if there are none. */
  readonly pollMs: number
}

/** What has to do with accounts. `sessions` and `deviceActivity` are to be started and stopped. */
export interface AccountServices {
  readonly accountModeration: AccountModeration
  readonly accounts: Accounts
  readonly deactivation: Deactivation
  readonly deviceActivity: DeviceActivity
  readonly devices: Devices
  readonly fallbackAuth: FallbackAuth
  readonly interactiveAuth: InteractiveAuth
  readonly login: Login
  readonly loginTokens: LoginTokens
  readonly openIdTokens: OpenIdTokens
  readonly passwordChange: PasswordChange
  readonly passwordCheck: PasswordCheck
  readonly registration: Registration
  readonly registrationTokens: RegistrationTokens
  readonly sessions: Sessions
  readonly sharedSecretRegistration: SharedSecretRegistration
}

/** Builds the services of accounts, bottom up. */
export function createAccountServices(options: AccountServicesOptions): AccountServices {
  const { store, clock, logger, serverName, registration: policy, loginLimits: limits, pollMs, bus, metrics } = options
  const deviceActivity = new DeviceActivity({ store, clock, logger })
  const sessions = new Sessions({
    store,
    clock,
    logger,
    pollMs,
    bus,
    activity: deviceActivity,
    ...(metrics && { metrics }),
  })
  const passwords = new Passwords(options.passwordCost)
  const accounts = new Accounts({ store, clock, passwords, sessions, serverName })
  const registrationTokens = new RegistrationTokens({ store, clock })

  const flowSessions = new FlowSessions({ store, clock })
  const engine = new FlowEngine({ sessions: flowSessions })
  const interactiveAuth = new InteractiveAuth({ engine })
  const stagedAuth = new StagedAuth({ engine })

  const passwordCheck = new PasswordCheck({ store, passwords, limits, serverName })
  const reauthentication = new Reauthentication({ store, sessions, passwordCheck, flowSessions, interactiveAuth })
  const loginTokens = new LoginTokens({ store, clock, reauthentication })
  const common = { store, accounts, passwords, sessions, flowSessions }
  const accountCreation = new AccountCreation({ ...common, tokens: registrationTokens })
  const registration = new Registration({
    accounts,
    accountCreation,
    passwords,
    tokens: registrationTokens,
    interactiveAuth,
    stagedAuth,
    mode: policy.mode,
    guests: policy.guests ?? false,
    termsUrl: policy.termsUrl,
  })
  const fallbackAuth = new FallbackAuth({
    sessions: flowSessions,
    stagesOf: async (purpose) => [...registration.stagesOf(purpose), ...(await reauthentication.stagesOf(purpose))],
  })
  return {
    accountModeration: new AccountModeration({ store, sessions, serverName }),
    accounts,
    deactivation: new Deactivation({ clock, feed: options.feed, jobs: options.jobs, reauthentication }),
    deviceActivity,
    devices: new Devices({ store, reauthentication }),
    fallbackAuth,
    interactiveAuth,
    login: new Login({ store, accounts, sessions, loginTokens, passwordCheck, stagedAuth }),
    loginTokens,
    openIdTokens: new OpenIdTokens({ store, clock }),
    passwordChange: new PasswordChange({ passwords, reauthentication }),
    passwordCheck,
    registration,
    registrationTokens,
    sessions,
    sharedSecretRegistration: new SharedSecretRegistration({ ...common, secret: policy.sharedSecret }),
  }
}
