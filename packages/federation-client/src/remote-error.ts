import type { ServerName } from '@hearth/protocol'

/** Another server answered, and refused. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError'
  readonly destination: ServerName
  /** The HTTP status, 400 to 599. */
  readonly status: number
  /** The errcode of the answer; `M_UNRECOGNIZED` for a 404 or 405 that has none, `M_UNKNOWN` for others. */
  readonly errcode: string
  /** When the other server wants to be asked again, in milliseconds, if it said so: at most a day. */
  readonly retryAfterMs: number | undefined
  /** The version of the room that was refused for its version, if the other server said so: at most 32 characters. */
  readonly roomVersion: string | undefined

  constructor(answer: {
    readonly destination: ServerName
    readonly status: number
    readonly errcode: string
    readonly message: string
    readonly retryAfterMs?: number | undefined
    readonly roomVersion?: string | undefined
  }) {
    super(answer.message)
    this.destination = answer.destination
    this.status = answer.status
    this.errcode = answer.errcode
    this.retryAfterMs = answer.retryAfterMs
    this.roomVersion = answer.roomVersion
  }
}
