import { forbidden, MatrixError, notFound, type JsonObject } from '@hearth/protocol'
import type { FlowSessions } from './flow-sessions.ts'
import type { Stage } from './flow.ts'

/**
 * Stages that people pass in a browser, for apps that do not know them. The app goes on with the session afterwards.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#fallback}
 */
export class FallbackAuth {
  readonly #sessions: FlowSessions
  readonly #stagesOf: (purpose: string) => Promise<readonly Stage[]>

  constructor(deps: {
    readonly sessions: FlowSessions
    /** The stages that a session of a purpose may ask for; none for purposes that have no such pages. */
    readonly stagesOf: (purpose: string) => Promise<readonly Stage[]>
  }) {
    this.#sessions = deps.sessions
    this.#stagesOf = deps.stagesOf
  }

  /** What somebody needs to know to attempt a stage of a session; undefined when there is no such stage to attempt. */
  async describe(sessionId: string, type: string): Promise<JsonObject | undefined> {
    const stage = await this.#stage(sessionId, type)
    return stage && (stage.parameters?.() ?? {})
  }

  /**
   * Attempts a stage.
   * @throws MatrixError M_NOT_FOUND when there is no such stage to attempt; what the stage says when it is not passed.
   */
  async attempt(sessionId: string, type: string, submission: JsonObject, ip: string): Promise<void> {
    const stage = await this.#stage(sessionId, type)
    if (stage === undefined) throw notFound('There is no such session, or it does not ask for this')
    const result = await stage.attempt({ submission, state: undefined, ip })
    if (result.outcome === 'refused') throw result.error
    if (result.outcome === 'pending') throw new MatrixError('M_UNRECOGNIZED', 'This stage takes several requests')
    if (!(await this.#sessions.prove(sessionId, type, result.proof))) throw forbidden('The session is over')
  }

  async #stage(sessionId: string, type: string): Promise<Stage | undefined> {
    const purpose = await this.#sessions.purposeOf(sessionId)
    if (purpose === undefined) return undefined
    return (await this.#stagesOf(purpose)).find((stage) => stage.type === type)
  }
}
