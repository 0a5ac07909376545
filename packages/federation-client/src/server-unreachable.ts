import type { ServerName } from '@hearth/protocol'

/**
 * Another server gave no answer that could be used: it was not found, did not accept the connection, has no valid
 * certificate, took too long or answered with something that is not what was asked for. The cause says which.
 */
export class ServerUnreachable extends Error {
  override readonly name = 'ServerUnreachable'
  readonly destination: ServerName

  constructor(destination: ServerName, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    super(`${destination} gives no answer: ${reason}`, { cause })
    this.destination = destination
  }
}

/** A cause of `ServerUnreachable`: what came is not an answer to the request. The message quotes nothing of it. */
export class InvalidAnswer extends Error {
  override readonly name = 'InvalidAnswer'
}

/** A cause of `ServerUnreachable`: no attempt was made, since the server may not be talked to or is being left alone. */
export class NotTried extends Error {
  override readonly name = 'NotTried'
}
