/** A cause of `ServerUnreachable`: another server took too long. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded'

  constructor(what: string, limitMs: number) {
    super(`${what} took more than ${limitMs} ms`)
  }
}
