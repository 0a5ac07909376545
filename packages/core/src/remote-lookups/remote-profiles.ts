import type { FederationClient } from '@hearth/federation-client'
import { serverOf, type JsonObject, type UserId } from '@hearth/protocol'
import type { Clock, Metrics } from '@hearth/runtime'
import { acceptableFields } from '../profiles/profile-fields.ts'
import { RemoteAnswers } from './remote-answers.ts'
import { refusalOf } from './remote-refusal.ts'

const deadlineMs = 10_000

/** Asks other servers for the profiles of their users. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile} */
export class RemoteProfiles {
  readonly #client: Pick<FederationClient, 'queryProfile'>
  readonly #answers: RemoteAnswers<JsonObject>

  constructor(deps: { client: Pick<FederationClient, 'queryProfile'>; clock: Clock; metrics: Metrics }) {
    this.#client = deps.client
    this.#answers = new RemoteAnswers({
      name: 'remote-profiles',
      maxBytes: 8 * 1024 * 1024,
      sizeOf: (fields) => 2 * JSON.stringify(fields).length,
      freshMs: 60_000,
      failureMs: 30_000,
      clock: deps.clock,
      metrics: deps.metrics,
    })
  }

  /** A user's whole profile. @throws MatrixError M_NOT_FOUND, M_FORBIDDEN, 502 where their server gives no answer. */
  async get(userId: UserId): Promise<JsonObject> {
    try {
      return await this.#answers.get(userId, async () => {
        const server = serverOf(userId)
        const fields = await this.#client.queryProfile(server, userId, undefined, { deadlineMs, ignoreBackOff: true })
        return acceptableFields(fields)
      })
    } catch (error) {
      throw refusalOf(error, 'The profile of this user')
    }
  }
}
