import { badJson, MatrixError, type JsonObject } from '@hearth/protocol'
import type { FlowEngine } from './flow-engine.ts'
import type { Flow, FlowProgress, Stage } from './flow.ts'
import { optionalString, requiredString } from './submission.ts'

export type StagedAuthOutcome =
  | Extract<FlowProgress, { kind: 'complete' }>
  /** To be answered with 200: what the client is to do next. */
  | { readonly kind: 'next'; readonly answer: JsonObject }

/** How the first client API lists flows: `stages` only where there are several. */
export function listFlows(flows: readonly Flow[]): { type: string; stages?: string[] }[] {
  return flows.map((flow) => ({ type: flow[0]!, ...(flow.length > 1 && { stages: [...flow] }) }))
}

/** The first client API's generation: each request is a stage, in the order of the flow, and the last one is answered. */
export class StagedAuth {
  readonly #engine: FlowEngine

  constructor(deps: { readonly engine: FlowEngine }) {
    this.#engine = deps.engine
  }

  /**
   * @throws MatrixError what the stage says when it is not passed; M_BAD_JSON "Missing JSON keys"; M_UNKNOWN (400) "Bad
   * login type" for a stage that is not to come now, and for a session that does not exist.
   */
  async submit(request: {
    readonly purpose: string
    readonly flows: readonly Flow[]
    readonly stages: readonly Stage[]
    readonly body: JsonObject
    readonly ip: string
  }): Promise<StagedAuthOutcome> {
    try {
      return await this.#submit(request)
    } catch (error) {
      if (error instanceof MatrixError && error.errcode === 'M_MISSING_PARAM') throw badJson('Missing JSON keys')
      throw error
    }
  }

  async #submit(request: Parameters<StagedAuth['submit']>[0]): Promise<StagedAuthOutcome> {
    const { purpose, flows, stages, body, ip } = request
    const type = requiredString(body, 'type')
    const sessionId = optionalString(body, 'session')
    const isFirst = flows.some((flow) => flow[0] === type)
    const isLater = flows.some((flow) => flow.includes(type))
    if (sessionId === undefined && isLater && !isFirst) throw new MatrixError('M_MISSING_PARAM', 'session is missing')
    const progress = await this.#engine.advance({
      purpose,
      flows,
      stages,
      ordered: true,
      sessionFromStart: false,
      sessionId,
      operation: undefined,
      attempt: { type, submission: body },
      ip,
    })
    // A session that has been completed is over: requests of this generation are bound to none, so none can be repeated.
    if (progress === undefined || progress.kind === 'repeated') {
      throw new MatrixError('M_UNKNOWN', 'Unknown or expired session', { status: 400 })
    }
    if (progress.kind === 'complete') return progress
    if (progress.refusal !== undefined) throw progress.refusal
    const { pending, next } = progress
    const session = progress.sessionId!
    return { kind: 'next', answer: pending === undefined ? { next: next[0]!, session } : { type: pending, session } }
  }
}
