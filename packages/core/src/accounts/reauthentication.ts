import type { JsonObject } from '@hearth/protocol'
import type { Store, Tables } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { Flow, Stage } from './flows/flow.ts'
import type { FlowSessions } from './flows/flow-sessions.ts'
import type { AuthChallenge, InteractiveAuth } from './flows/interactive-auth.ts'
import { ownPasswordStage } from './flows/stages/own-password.ts'
import { PASSWORD } from './flows/stages/password.ts'
import type { PasswordCheck } from './password-check.ts'
import type { Sessions } from './sessions.ts'

/** A request that an access token is not enough for. */
export interface GuardedRequest {
  readonly requester: Requester
  /** What it is for, such as `delete-device`. */
  readonly purpose: string
  /** What it is about besides its body: the parameters of its path. Every request of a session says it again. */
  readonly subject?: JsonObject
  /** The whole body, `auth` included. */
  readonly body: JsonObject
  /** Checks the body and resolves to what to keep of it, as in `Operation`. */
  readonly establish?: () => Promise<JsonObject>
  readonly ip: string
}

export type GuardedOutcome =
  | { readonly kind: 'done' }
  /** An earlier request of the session has done it. */
  | { readonly kind: 'repeated' }
  | { readonly kind: 'challenge'; readonly challenge: AuthChallenge }

/** What the purposes of its sessions begin with. */
const PREFIX = 'again:'

const flows: readonly Flow[] = [[PASSWORD]]

/**
 * Lets users prove again who they are before what whoever has stolen an access token must not do. The proof is their
 * password, given anew for every such request.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api}
 */
export class Reauthentication {
  readonly #store: Store
  readonly #sessions: Sessions
  readonly #passwordCheck: PasswordCheck
  readonly #flowSessions: FlowSessions
  readonly #interactiveAuth: InteractiveAuth

  constructor(deps: {
    readonly store: Store
    readonly sessions: Sessions
    readonly passwordCheck: PasswordCheck
    readonly flowSessions: FlowSessions
    readonly interactiveAuth: InteractiveAuth
  }) {
    this.#store = deps.store
    this.#sessions = deps.sessions
    this.#passwordCheck = deps.passwordCheck
    this.#flowSessions = deps.flowSessions
    this.#interactiveAuth = deps.interactiveAuth
  }

  /** The stages that sessions of a purpose ask for, if they are a user's who is to prove again who they are. */
  async stagesOf(purpose: string): Promise<readonly Stage[]> {
    if (!purpose.startsWith(PREFIX)) return []
    const userId = await this.#store.users.keyOf(Number(purpose.slice(purpose.lastIndexOf(':') + 1)))
    return [ownPasswordStage(this.#passwordCheck, { userId })]
  }

  /**
   * Does, in one transaction and once for each session, what a request asks for, or says what is missing. `work` is given
   * what `establish` has kept: undefined when no request of the session had more than `auth` in its body.
   * @throws MatrixError M_FORBIDDEN for another user's credentials and when the session was opened for another request,
   * M_BAD_JSON, M_LIMIT_EXCEEDED, what `establish` and `work` throw.
   */
  async perform(
    request: GuardedRequest,
    work: (tx: Tables, established: JsonObject | undefined) => Promise<void>,
  ): Promise<GuardedOutcome> {
    const { requester, purpose, subject, body, establish = async () => ({}), ip } = request
    const auth = await this.#interactiveAuth.authorize({
      // Nobody goes on with another user's session.
      purpose: `${PREFIX}${purpose}:${requester.userNid}`,
      flows,
      stages: [ownPasswordStage(this.#passwordCheck, requester)],
      body,
      ...(subject && { subject }),
      establish,
      ip,
    })
    if (auth.kind === 'challenge') return auth
    if (auth.kind === 'repeated') return { kind: 'repeated' }
    const { session, established } = auth
    const isDone = await this.#sessions.changing(() =>
      this.#store.transaction(async (tx) => {
        if (session !== undefined && !(await this.#flowSessions.claim(tx, session))) return false
        await work(tx, established)
        if (session !== undefined) await this.#flowSessions.complete(tx, session, {})
        return true
      }),
    )
    return { kind: isDone ? 'done' : 'repeated' }
  }
}
