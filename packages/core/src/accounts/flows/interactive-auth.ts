import { canonicalJson } from '@hearth/crypto'
import { badJson, isJsonObject, MatrixError, type JsonObject } from '@hearth/protocol'
import type { FlowEngine } from './flow-engine.ts'
import type { Flow, FlowProgress, Operation, Stage } from './flow.ts'
import { optionalString } from './submission.ts'

/** The body of the 401 that tells a client how to go on. */
export type AuthChallenge = JsonObject

export type InteractiveAuthOutcome =
  | Extract<FlowProgress, { kind: 'complete' | 'repeated' }>
  | { readonly kind: 'challenge'; readonly challenge: AuthChallenge }

/**
 * Today's generation: a request comes again and again, with another stage in its `auth` each time, until it is let through.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api}
 */
export class InteractiveAuth {
  readonly #engine: FlowEngine

  constructor(deps: { readonly engine: FlowEngine }) {
    this.#engine = deps.engine
  }

  /**
   * Authorizes what `establish` has kept of the request, and not what the body now says: the client may leave that out.
   * @throws MatrixError M_FORBIDDEN when the session was opened for another request, M_BAD_JSON or M_MISSING_PARAM for a
   * malformed `auth`, M_LIMIT_EXCEEDED, what `establish` throws. A stage that is not passed is no error but a challenge
   * that says so.
   */
  async authorize(request: {
    readonly purpose: string
    readonly flows: readonly Flow[]
    readonly stages: readonly Stage[]
    /** The request's body, `auth` included. */
    readonly body: JsonObject
    /** What the request is about besides its body, where that is a part of every request. */
    readonly subject?: JsonObject
    /** As in `Operation`. */
    readonly establish: () => Promise<JsonObject>
    readonly ip: string
  }): Promise<InteractiveAuthOutcome> {
    const { purpose, flows, stages, subject, establish, ip } = request
    const { auth, ...wanted } = request.body
    if (auth !== undefined && !isJsonObject(auth)) throw badJson('auth is not an object')
    const type = auth && optionalString(auth, 'type')
    const sessionId = auth && optionalString(auth, 'session')
    // Clients ask with an empty body which flows there are, and may leave out what the session knows.
    const isNamed = subject !== undefined || Object.keys(wanted).length > 0
    const operation: Operation | undefined = isNamed ? { text: textOf(subject ?? {}, wanted), establish } : undefined
    const common = { purpose, flows, stages, ordered: false, sessionFromStart: true, operation, ip } as const
    const attempt = type === undefined ? undefined : { type, submission: auth! }
    const progress = await this.#engine.advance({ ...common, sessionId, attempt })
    if (progress === undefined) {
      const refusal = new MatrixError('M_UNKNOWN', 'The session has expired', { status: 401 })
      const fresh = await this.#engine.advance({ ...common, sessionId: undefined, attempt: undefined })
      return { kind: 'challenge', challenge: challenge(request, fresh!, refusal) }
    }
    if (progress.kind !== 'incomplete') return progress
    if (progress.refusal !== undefined && !isForTheClientToRetry(progress.refusal)) throw progress.refusal
    return { kind: 'challenge', challenge: challenge(request, progress, progress.refusal) }
  }
}

function textOf(subject: JsonObject, wanted: JsonObject): string {
  return canonicalJson({ subject, wanted }, { numbers: 'legacy' })
}

/** Whether a refusal means that the stage was not passed, and not that the request was malformed or came too soon. */
function isForTheClientToRetry({ errcode, status }: MatrixError): boolean {
  return status === 401 || status === 403 || errcode === 'M_UNKNOWN'
}

function challenge(
  { flows, stages }: { readonly flows: readonly Flow[]; readonly stages: readonly Stage[] },
  progress: FlowProgress,
  refusal: MatrixError | undefined,
): AuthChallenge {
  if (progress.kind !== 'incomplete') throw new Error('nothing is left to challenge')
  const params = stages.flatMap((stage) => (stage.parameters ? [[stage.type, stage.parameters()] as const] : []))
  return {
    ...(refusal && { errcode: refusal.errcode, error: refusal.message }),
    flows: flows.map((flow) => ({ stages: [...flow] })),
    params: Object.fromEntries(params),
    ...(progress.sessionId !== undefined && { session: progress.sessionId }),
    completed: [...progress.completed],
  }
}
