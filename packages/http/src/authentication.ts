import type { MatrixError } from '@hearth/protocol'
import type { RequestFacts, Requesters } from './endpoint.ts'
import type { QueryParameters } from './query.ts'
import type { RequestBody } from './request-body.ts'

/** What an authenticator may look at. The body is read when it asks for it, or else once it has let the request pass. */
export interface AuthenticationRequest extends RequestFacts {
  readonly method: string
  /** The request target as it was sent: what signatures are over. */
  readonly target: string
  /** The headers as they were sent: name, value, name, value… */
  readonly rawHeaders: readonly string[]
  /** The query, such as an application service's `user_id`. */
  readonly queryParameters: QueryParameters
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /**
   * The access token, if there is one.
   * @throws MatrixError 401 `M_MISSING_TOKEN` when the request has more than one.
   */
  accessToken(): string | undefined
  /**
   * Reads the body, up to what the endpoint takes of one; `undefined` for an endpoint that takes none. Whatever can be
   * refused without it should be refused before, since whoever sends it has shown nothing yet.
   * @throws MatrixError 413 `M_TOO_LARGE`, 415; an error that is no concern of the authenticator's when the client goes away.
   */
  body(): Promise<RequestBody | undefined>
}

/** Who asks. */
export interface Authenticated<Requester> {
  readonly requester: Requester
  /** The name that the access log has and that limits per user count by; limits fall back to the address without. */
  readonly subject?: string
  /** False for those whom no rate limit holds, such as application services. */
  readonly rateLimited?: boolean
  /** Called when the request has been handled, whatever became of it: gives back what was taken for it. */
  readonly onEnd?: () => void
  /**
   * Calls back with the refusal as soon as they are nobody any more who may be answered, which is asked for while a request
   * waits for news. The function that is returned ends that.
   */
  readonly watch?: (onEnd: (refusal: MatrixError) => void) => () => void
}

/** Finds out who asks; throws a MatrixError when that is nobody who may. */
export type Authenticator<Requester> = (
  request: AuthenticationRequest,
) => Authenticated<Requester> | Promise<Authenticated<Requester>>

/** An authenticator for each way to authenticate that a transport's endpoints ask for. */
export type Authenticators<Known extends Requesters> = {
  readonly [Auth in Exclude<keyof Known, 'none'>]: Authenticator<Known[Auth]>
}
