import type { AuthChallenge } from '@hearth/core'
import { RawAnswer } from '@hearth/http'

/**
 * The answer to a request that has to be authorized further: a 401 whose body is no error.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#user-interactive-api-in-the-rest-api}
 */
export function challengeAnswer(challenge: AuthChallenge): RawAnswer {
  return new RawAnswer({ status: 401, contentType: 'application/json', payload: JSON.stringify(challenge) })
}
