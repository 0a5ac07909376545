import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { sha256 } from '@hearth/crypto'
import type { JsonObject } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { FlowSessionRow, Store, Tables } from '@hearth/store'
import type { CompletedSession, Operation, Proof } from './flow.ts'

/** What a session knows. */
export interface FlowSession {
  /** The client's name for it, and the only copy: the database has its hash. Whoever has it can go on with the flow. */
  readonly id: string
  readonly proofs: ReadonlyMap<string, Proof>
  readonly states: ReadonlyMap<string, JsonObject>
  /** The digest of the request that it is bound to. */
  readonly binding: Uint8Array | undefined
  /** What that request established. */
  readonly established: JsonObject | undefined
  /** What has come of it, once it has been completed. */
  readonly outcome: FlowOutcome | undefined
}

export interface FlowOutcome {
  readonly result: JsonObject
  /** As in `CompletedSession`: a request that repeats it has to name the operation as well. */
  readonly isNamed: boolean
}

/** A session ends when nothing has been achieved for this long. */
const LIFETIME_MS = 15 * 60_000
/**
 * How long a session that was completed answers the same request again. Enough for a client that has lost the answer, and
 * no longer, since the answer may log somebody in.
 */
const REPEATABLE_MS = 2 * 60_000
/** How many may be open in all; beyond it the oldest go, so that whoever opens sessions without end fills no disk. */
const MAX_SESSIONS = 10_000
/** The bound is enforced once in so many new sessions. */
const TRIM_EVERY = 100

/** Sessions of flows, which any process can go on with. */
export class FlowSessions {
  readonly #store: Store
  readonly #clock: Clock
  #untilTrim = TRIM_EVERY

  constructor(deps: { readonly store: Store; readonly clock: Clock }) {
    this.#store = deps.store
    this.#clock = deps.clock
  }

  /**
   * Opens a session for one purpose and resolves to its id. It ends after `lifetimeMs`, or 15 minutes after the last stage
   * was passed.
   */
  async open(session: {
    readonly purpose: string
    /** The request that it is opened for, if it is known, and what that established. */
    readonly request?: { readonly text: string; readonly established: JsonObject } | undefined
    readonly proofs?: ReadonlyMap<string, Proof>
    readonly states?: ReadonlyMap<string, JsonObject>
    readonly lifetimeMs?: number
  }): Promise<string> {
    const id = randomBytes(24).toString('base64url')
    const { purpose, request, lifetimeMs = LIFETIME_MS } = session
    const { proofs = new Map<string, Proof>(), states = new Map<string, JsonObject>() } = session
    const now = this.#clock.now()
    await this.#store.flowSessions.insert(
      {
        idHash: sha256(id),
        purpose,
        binding: request ? digest(id, request.text) : null,
        request: request?.established ?? null,
        proofs: Object.fromEntries(proofs),
        states: Object.fromEntries(states),
        expiresTs: now + lifetimeMs,
      },
      now,
    )
    if (--this.#untilTrim === 0) {
      this.#untilTrim = TRIM_EVERY
      await this.#store.flowSessions.deleteOldest(MAX_SESSIONS)
    }
    return id
  }

  /** The session of this name and purpose; undefined when there is none or it has expired. */
  async find(id: string, purpose: string): Promise<FlowSession | undefined> {
    const row = await this.#store.flowSessions.find(sha256(id), purpose, this.#clock.now())
    return row && sessionOf(id, row)
  }

  /** What the session of this name is for; undefined when there is none, or nothing is left to do in it. */
  purposeOf(id: string): Promise<string | undefined> {
    return this.#store.flowSessions.purposeOf(sha256(id), this.#clock.now())
  }

  /**
   * Binds a session to the first operation that comes with it. Resolves to the session, or to undefined when it is bound to
   * another one, or gone.
   */
  async bind(session: FlowSession, operation: Operation): Promise<FlowSession | undefined> {
    const { id } = session
    const own = digest(id, operation.text)
    if (session.binding !== undefined) return timingSafeEqual(session.binding, own) ? session : undefined
    const bound = await this.#store.flowSessions.bind(sha256(id), own, await operation.establish())
    if (bound === undefined || !timingSafeEqual(bound.binding, own)) return undefined
    return { ...session, binding: bound.binding, established: bound.request ?? undefined }
  }

  /**
   * Notes that a stage was passed; resolves to all proofs, or to undefined when the session has ended or been completed
   * meanwhile.
   */
  async prove(id: string, type: string, proof: Proof): Promise<ReadonlyMap<string, Proof> | undefined> {
    const expiresTs = this.#clock.now() + LIFETIME_MS
    const proofs = await this.#store.flowSessions.merge(sha256(id), { proofs: { [type]: proof } }, expiresTs)
    return proofs && new Map(Object.entries(proofs))
  }

  /** Notes where a stage of several requests stands. */
  async suspend(id: string, type: string, state: JsonObject): Promise<void> {
    const expiresTs = this.#clock.now() + LIFETIME_MS
    await this.#store.flowSessions.merge(sha256(id), { states: { [type]: state } }, expiresTs)
  }

  /**
   * Begins to act on a session, in the transaction of what it lets through: of several requests that complete it, one gets
   * true, and the others when that has been done get false.
   */
  claim(tx: Tables, { id, purpose }: CompletedSession): Promise<boolean> {
    return tx.flowSessions.claim(sha256(id), purpose, this.#clock.now())
  }

  /** Ends what `claim` has begun: the session lets nothing through any more, and answers the same request with the result. */
  async complete(tx: Tables, { id, isNamed }: CompletedSession, result: JsonObject): Promise<void> {
    const expiresTs = this.#clock.now() + REPEATABLE_MS
    await tx.flowSessions.complete(sha256(id), { result, isNamed }, expiresTs)
  }

  /** Ends a session without an outcome; of several calls, one gets true. */
  close(tx: Tables, id: string, purpose: string): Promise<boolean> {
    return tx.flowSessions.delete(sha256(id), purpose, this.#clock.now())
  }
}

function sessionOf(id: string, row: FlowSessionRow): FlowSession {
  return {
    id,
    proofs: new Map(Object.entries(row.proofs)),
    states: new Map(Object.entries(row.states)),
    binding: row.binding ?? undefined,
    established: row.request ?? undefined,
    outcome: (row.outcome as FlowOutcome | null) ?? undefined,
  }
}

/** Keyed with the id, which the database does not have, because the request may hold a password. */
function digest(id: string, request: string): Buffer {
  return createHmac('sha256', id).update(request).digest()
}
