import { MatrixError, type JsonObject } from '@hearth/protocol'
import type { Requester } from '../requester.ts'
import type { Passwords } from './passwords.ts'
import type { GuardedOutcome, Reauthentication } from './reauthentication.ts'

/** What somebody asks for who wants another password. */
export interface PasswordChangeRequest {
  readonly requester: Requester
  readonly newPassword: string | undefined
  /** Whether the other devices are to be logged out. */
  readonly logoutDevices: boolean
  /** The whole body. */
  readonly body: JsonObject
  readonly ip: string
}

/** What is kept of a request until it is authorized. */
interface WantedChange {
  readonly passwordHash: string
  readonly logoutDevices: boolean
}

/** Gives accounts other passwords. */
export class PasswordChange {
  readonly #passwords: Passwords
  readonly #reauthentication: Reauthentication

  constructor(deps: { readonly passwords: Passwords; readonly reauthentication: Reauthentication }) {
    this.#passwords = deps.passwords
    this.#reauthentication = deps.reauthentication
  }

  /**
   * Changes a user's password, or says what is missing. The device that asks stays logged in.
   * @throws MatrixError M_MISSING_PARAM without a new password, M_WEAK_PASSWORD, M_INVALID_PARAM; as
   * `Reauthentication.perform`.
   */
  change({ requester, newPassword, logoutDevices, body, ip }: PasswordChangeRequest): Promise<GuardedOutcome> {
    const establish = async (): Promise<JsonObject> => {
      if (newPassword === undefined) throw missingPassword()
      const passwordHash = await this.#passwords.hash(newPassword)
      return { passwordHash, logoutDevices } satisfies WantedChange
    }
    return this.#reauthentication.perform(
      { requester, purpose: 'change-password', body, establish, ip },
      async (tx, established) => {
        const wanted = established as WantedChange | undefined
        if (wanted === undefined) throw missingPassword()
        await tx.accounts.setPasswordHash(requester.userNid, wanted.passwordHash)
        await tx.loginTokens.deleteAll(requester.userNid)
        if (wanted.logoutDevices) await tx.devices.deleteOthers(requester.userNid, requester.deviceNid)
      },
    )
  }
}

function missingPassword(): MatrixError {
  return new MatrixError('M_MISSING_PARAM', 'new_password is missing')
}
