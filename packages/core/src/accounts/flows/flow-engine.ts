import { forbidden, MatrixError, type JsonObject } from '@hearth/protocol'
import type { FlowSession, FlowSessions } from './flow-sessions.ts'
import type { Flow, FlowProgress, Operation, Proof, Stage, StageResult } from './flow.ts'

/** A request to be let through. */
export interface FlowRequest {
  /** What it is for: a session opened for one purpose opens nothing else. */
  readonly purpose: string
  /** The flows of which one has to be completed. */
  readonly flows: readonly Flow[]
  /** The stages that these flows name. */
  readonly stages: readonly Stage[]
  /** Whether the stages of a flow must be done in the order in which it lists them. */
  readonly ordered: boolean
  /** Whether to open a session before there is anything to remember. */
  readonly sessionFromStart: boolean
  /** The session that the client goes on with. */
  readonly sessionId: string | undefined
  /** What the client wants to be let through for; undefined when this request does not say. */
  readonly operation: Operation | undefined
  /** The stage that the client attempts. */
  readonly attempt: { readonly type: string; readonly submission: JsonObject } | undefined
  readonly ip: string
}

/** A request, and what is known when its stage is attempted. */
interface Step {
  readonly request: FlowRequest
  readonly session: FlowSession | undefined
  /** What the operation established. */
  readonly established: JsonObject | undefined
}

interface Suspension {
  readonly pending?: string
  readonly state?: JsonObject
}

/** Leads clients through flows. Knows nothing of particular stages, nor of how either generation words its answers. */
export class FlowEngine {
  readonly #sessions: FlowSessions

  constructor(deps: { readonly sessions: FlowSessions }) {
    this.#sessions = deps.sessions
  }

  /**
   * Takes one request further; undefined when its session does not exist.
   * @throws MatrixError M_FORBIDDEN when the session was opened for another request; what `Operation.establish` throws and
   * what a stage refuses altogether.
   */
  async advance(request: FlowRequest): Promise<FlowProgress | undefined> {
    const session = await this.#resume(request)
    if (session === 'unknown') return undefined
    if (session?.outcome !== undefined) return { kind: 'repeated', result: session.outcome.result }
    const established = session ? session.established : await request.operation?.establish()
    const step = { request, session, established }

    const proofs = session?.proofs ?? new Map<string, Proof>()
    const { attempt } = request
    if (attempt === undefined || proofs.has(attempt.type)) return this.#progress(step, proofs)

    const stage = request.stages.find(({ type }) => type === attempt.type)
    if (stage === undefined || !nextStages(request, proofs).includes(stage.type)) {
      const refusal = new MatrixError('M_UNKNOWN', 'Bad login type', { status: 400 })
      return this.#progress(step, proofs, { refusal })
    }
    let result: StageResult
    try {
      const state = session?.states.get(stage.type)
      result = await stage.attempt({ submission: attempt.submission, state, ip: request.ip })
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      // The same request may have come twice, and the other one have used up what the stage asks for.
      const now = session && (await this.#sessions.find(session.id, request.purpose))
      return now?.outcome ? this.advance(request) : this.#progress(step, proofs, { refusal: error })
    }
    if (result.outcome === 'refused') throw result.error
    return result.outcome === 'passed'
      ? this.#pass(step, stage.type, result.proof)
      : this.#suspend(step, stage.type, result.state)
  }

  async #resume({ sessionId, purpose, operation }: FlowRequest): Promise<FlowSession | undefined | 'unknown'> {
    if (sessionId === undefined) return undefined
    const session = await this.#sessions.find(sessionId, purpose)
    if (session === undefined) return 'unknown'
    const resumed = operation ? await this.#sessions.bind(session, operation) : session
    // The id alone, which may have leaked, gets nothing out of a session whose owner has shown to know more than that.
    if (resumed === undefined || (operation === undefined && session.outcome?.isNamed === true)) {
      throw forbidden('The request is not the one that the session was opened for')
    }
    return resumed
  }

  async #pass(step: Step, type: string, proof: Proof): Promise<FlowProgress | undefined> {
    const { request, session } = step
    if (session === undefined) return this.#progress(step, new Map([[type, proof]]))
    // A request for another stage of the session may have been faster: what counts is what the database has now.
    const proofs = await this.#sessions.prove(session.id, type, proof)
    // Or the same request, which has completed it: then this one repeats that.
    return proofs ? this.#progress(step, proofs) : this.advance(request)
  }

  async #suspend(step: Step, type: string, state: JsonObject): Promise<FlowProgress> {
    const { session } = step
    if (session === undefined) return this.#progress(step, new Map(), { pending: type, state })
    await this.#sessions.suspend(session.id, type, state)
    return this.#progress(step, session.proofs, { pending: type })
  }

  async #progress(
    step: Step,
    proofs: ReadonlyMap<string, Proof>,
    more: Suspension & { readonly refusal?: MatrixError } = {},
  ): Promise<FlowProgress> {
    const { request, session, established } = step
    const { flows, purpose, operation } = request
    if (flows.some((flow) => flow.every((type) => proofs.has(type)))) {
      const completed = session && { id: session.id, purpose, isNamed: operation !== undefined }
      return { kind: 'complete', proofs, established, session: completed }
    }
    return {
      kind: 'incomplete',
      sessionId: session?.id ?? (await this.#open(step, proofs, more)),
      completed: [...proofs.keys()],
      next: nextStages(request, proofs),
      pending: more.pending,
      refusal: more.refusal,
    }
  }

  async #open(
    { request: { purpose, operation, sessionFromStart }, established }: Step,
    proofs: ReadonlyMap<string, Proof>,
    { pending, state }: Suspension,
  ): Promise<string | undefined> {
    if (proofs.size === 0 && state === undefined && !sessionFromStart) return undefined
    const states = new Map(pending !== undefined && state !== undefined ? [[pending, state]] : [])
    const request = operation && established && { text: operation.text, established }
    return this.#sessions.open({ purpose, request, proofs, states })
  }
}

/** The stages that may follow on those that are completed. */
function nextStages({ flows, ordered }: FlowRequest, proofs: ReadonlyMap<string, Proof>): string[] {
  const next = new Set<string>()
  for (const flow of flows) {
    const open = flow.filter((type) => !proofs.has(type))
    if (!ordered) for (const type of open) next.add(type)
    else if (flow.length - open.length === proofs.size && isPrefix(flow, proofs)) next.add(open[0]!)
  }
  return [...next]
}

function isPrefix(flow: Flow, proofs: ReadonlyMap<string, Proof>): boolean {
  return flow.slice(0, proofs.size).every((type) => proofs.has(type))
}
