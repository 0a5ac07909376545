/**
 * Something that Hearth needs is away or overloaded and is expected back: the database, a full queue, a server that is
 * stopping. Transports answer it with 503 and `Retry-After`.
 */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
  /** When it is worth trying again, in milliseconds. */
  readonly retryAfterMs: number

  constructor(message: string, options: ErrorOptions & { readonly retryAfterMs?: number } = {}) {
    super(message, options)
    this.retryAfterMs = options.retryAfterMs ?? 1000
  }
}
