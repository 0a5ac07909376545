import { forbidden, localpartOf } from '@hearth/protocol'
import type { LocalUser } from '../../../requester.ts'
import type { PasswordCheck } from '../../password-check.ts'
import { userOfIdentifier } from '../../user-identifier.ts'
import type { Stage } from '../flow.ts'
import { requiredString } from '../submission.ts'
import { PASSWORD } from './password.ts'

/**
 * `m.login.password` where somebody who is logged in proves it again: passed with their own name and password.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#password-based}
 */
export function ownPasswordStage(passwordCheck: PasswordCheck, user: Pick<LocalUser, 'userId'>): Stage {
  return {
    type: PASSWORD,
    async attempt({ submission, ip }) {
      const named = userOfIdentifier(submission)
      const password = requiredString(submission, 'password')
      // Whoever holds somebody else's access token is not helped by a password of their own.
      if (!passwordCheck.mayMean(named, localpartOf(user.userId))) {
        return { outcome: 'refused', error: forbidden('These are the credentials of another user') }
      }
      await passwordCheck.verify({ user: user.userId, password, ip })
      return { outcome: 'passed', proof: {} }
    },
  }
}
