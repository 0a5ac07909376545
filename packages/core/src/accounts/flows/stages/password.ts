import type { PasswordCheck } from '../../password-check.ts'
import type { Stage } from '../flow.ts'
import { requiredString } from '../submission.ts'

export const PASSWORD = 'm.login.password'

/** `m.login.password` where somebody logs in: passed with an account's name and password. Proves the account. */
export function passwordStage(passwordCheck: PasswordCheck): Stage {
  return {
    type: PASSWORD,
    async attempt({ submission, ip }) {
      const user = requiredString(submission, 'user')
      const password = requiredString(submission, 'password')
      const account = await passwordCheck.verify({ user, password, ip })
      return { outcome: 'passed', proof: { user_nid: account.userNid, localpart: account.localpart } }
    },
  }
}
