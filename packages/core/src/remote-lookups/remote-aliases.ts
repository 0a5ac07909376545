import { type FederationClient } from '@hearth/federation-client'
import { isServerName, serverOf, type RoomAlias, type RoomId, type ServerName } from '@hearth/protocol'
import type { Clock, Metrics } from '@hearth/runtime'
import { RemoteAnswers } from './remote-answers.ts'
import { refusalOf } from './remote-refusal.ts'

/** What an alias of another server stands for. */
export interface RemoteAlias {
  readonly roomId: RoomId
  /** Servers through which the room can be joined, the alias's own among them. */
  readonly servers: readonly ServerName[]
}

const maxServers = 100
const deadlineMs = 10_000

/** Asks other servers for the rooms of their aliases. {@link https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory} */
export class RemoteAliases {
  readonly #client: Pick<FederationClient, 'queryDirectory'>
  readonly #answers: RemoteAnswers<RemoteAlias>

  constructor(deps: { client: Pick<FederationClient, 'queryDirectory'>; clock: Clock; metrics: Metrics }) {
    this.#client = deps.client
    this.#answers = new RemoteAnswers({
      name: 'remote-aliases',
      maxBytes: 2 * 1024 * 1024,
      sizeOf: ({ servers }) => 100 + 40 * servers.length,
      // Aliases are moved from room to room when these are replaced: soon everybody should be led to the new one.
      freshMs: 10_000,
      failureMs: 10_000,
      clock: deps.clock,
      metrics: deps.metrics,
    })
  }

  /**
   * @param isCurrent asks again even though an answer is known, for whoever is about to go there
   * @throws MatrixError M_NOT_FOUND where there is no such alias, 502 where its server gives no answer.
   */
  async resolve(alias: RoomAlias, { isCurrent = false } = {}): Promise<RemoteAlias> {
    try {
      return await this.#answers.get(alias, () => this.#ask(alias), { isCurrent })
    } catch (error) {
      throw refusalOf(error, 'Room alias')
    }
  }

  async #ask(alias: RoomAlias): Promise<RemoteAlias> {
    const owner = serverOf(alias)
    const answer = await this.#client.queryDirectory(owner, alias, { deadlineMs, ignoreBackOff: true })
    const servers = answer.servers.slice(0, maxServers).filter((name) => isServerName(name))
    return { roomId: answer.room_id, servers: [...new Set([...servers, owner])] }
  }
}
