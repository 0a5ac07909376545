import type { Accounts } from '../../accounts.ts'
import type { Passwords } from '../../passwords.ts'
import type { Stage } from '../flow.ts'
import { optionalString, requiredString } from '../submission.ts'
import { PASSWORD } from './password.ts'

/**
 * `m.login.password` where somebody registers: passed with a name that is free, or none, and the password to be. The proof
 * holds the hash, so that no session ever holds a password.
 */
export function newPasswordStage(deps: { readonly accounts: Accounts; readonly passwords: Passwords }): Stage {
  const { accounts, passwords } = deps
  return {
    type: PASSWORD,
    async attempt({ submission }) {
      const username = optionalString(submission, 'user')
      const password = requiredString(submission, 'password')
      const localpart = await accounts.reserve(username)
      return { outcome: 'passed', proof: { localpart, password_hash: await passwords.hash(password) } }
    },
  }
}
