import { forbidden } from '@hearth/protocol'
import type { RegistrationTokens } from '../../registration-tokens.ts'
import type { Stage } from '../flow.ts'
import { requiredString } from '../submission.ts'

export const REGISTRATION_TOKEN = 'm.login.registration_token'

/**
 * `m.login.registration_token`: passed with a token that could be used now. It is counted when the account is created,
 * so that sessions that are given up cost no use.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#token-authenticated-registration}
 */
export function registrationTokenStage(tokens: RegistrationTokens): Stage {
  return {
    type: REGISTRATION_TOKEN,
    async attempt({ submission }) {
      const token = requiredString(submission, 'token')
      if (!(await tokens.isUsable(token))) throw forbidden('The registration token is not valid')
      return { outcome: 'passed', proof: { token } }
    },
  }
}
