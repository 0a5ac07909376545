// Registration and login are flows of stages, in both generations of the API: today's user-interactive authentication and
// the staged registration and login of the first client API. A stage is written once and serves both.
import type { JsonObject, MatrixError } from '@hearth/protocol'

/** The types of the stages that together let somebody through, in order. */
export type Flow = readonly string[]

/** What a client wants to be let through for. */
export interface Operation {
  /** The request, as text: a session is good for the first one that comes with it, and for no other. */
  readonly text: string
  /**
   * Checks the request and resolves to what to keep of it, for later requests of the session that leave it out. It holds no
   * secrets: a password only as its hash. Called for the request that a session gets bound to, before any stage.
   */
  establish(): Promise<JsonObject>
}

/** What a completed stage has established. Kept with the session until its flow is complete, so it holds no secrets. */
export type Proof = JsonObject

/** A client's submission for a stage. */
export interface StageAttempt {
  /** The keys that the client has sent. */
  readonly submission: JsonObject
  /** What the stage's last request left, for stages that take several. */
  readonly state: JsonObject | undefined
  /** The client's address. */
  readonly ip: string
}

export type StageResult =
  | { readonly outcome: 'passed'; readonly proof: Proof }
  /** The stage goes on with a further request of the same session, which finds this state. */
  | { readonly outcome: 'pending'; readonly state: JsonObject }
  /** The whole request is refused: nothing is to be tried again. */
  | { readonly outcome: 'refused'; readonly error: MatrixError }

/** A step of a flow: what a client submits to get past it. */
export interface Stage {
  /** Its name on the wire, such as `m.login.password`. */
  readonly type: string
  /** What a client needs to know to attempt it. */
  parameters?(): JsonObject
  /** Throws a MatrixError when it is not passed: M_MISSING_PARAM or M_BAD_JSON for a malformed submission. */
  attempt(attempt: StageAttempt): Promise<StageResult>
}

/** A session all of whose stages have been passed. */
export interface CompletedSession {
  readonly id: string
  readonly purpose: string
  /** Whether the request that completed it named the operation, and did not leave it to the session to know. */
  readonly isNamed: boolean
}

/** Where a session stands after a request. */
export type FlowProgress =
  | {
      readonly kind: 'complete'
      readonly proofs: ReadonlyMap<string, Proof>
      /** What the operation established; undefined when no request has named one. */
      readonly established: JsonObject | undefined
      /** To be completed by whoever acts on it; undefined when one request was enough. */
      readonly session: CompletedSession | undefined
    }
  /** An earlier request has completed the session, with this result. */
  | { readonly kind: 'repeated'; readonly result: JsonObject }
  | {
      readonly kind: 'incomplete'
      /** Undefined when there is nothing to remember. */
      readonly sessionId: string | undefined
      readonly completed: readonly string[]
      /** The stages that may come next. */
      readonly next: readonly string[]
      /** The stage that waits for a further request. */
      readonly pending: string | undefined
      /** Why the attempted stage was not passed. */
      readonly refusal: MatrixError | undefined
    }
