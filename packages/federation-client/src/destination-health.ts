import type { ServerName } from '@hearth/protocol'
import type { RemoteError } from './remote-error.ts'
import type { ServerUnreachable } from './server-unreachable.ts'

/** What is known of how other servers are doing: decides whether they are left alone, and learns from each request. */
export interface DestinationHealth {
  /** Whether it makes sense to ask this server now. */
  mayTry(destination: ServerName): boolean
  /** A request had no usable answer, or one with a status of 500 or more. */
  failed(destination: ServerName, error: ServerUnreachable | RemoteError): void
  /** The server answered, even if it refused. */
  succeeded(destination: ServerName): void
}
