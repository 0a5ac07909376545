import type { Authenticators } from './authentication.ts'
import type { Endpoints, Requesters } from './endpoint.ts'

/** A set of endpoints with all they need to be served. */
export interface Transport<Context, Known extends Requesters> {
  readonly endpoints: Endpoints<Context>
  readonly context: Context
  readonly authenticators: Authenticators<Known>
  /** Further prefixes under which paths with a prefix are served, such as `/_matrix/client/r0/` for that of v3. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>
  /** Whether scripts of any web page may call it; they may when absent. */
  readonly crossOrigin?: boolean
}
