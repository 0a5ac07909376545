import { matchesGlob, type ServerName } from '@hearth/protocol'

export interface FederationRules {
  /** Whether there is anything to do with other servers at all. */
  readonly enabled: boolean
  /** The servers to talk to, as globs. */
  readonly allow: readonly string[]
  /** The servers not to talk to, even where `allow` names them. */
  readonly deny: readonly string[]
}

/** With which servers this one talks. A server's port counts only in a rule that has one; case does not. */
export class FederationPolicy {
  readonly #enabled: boolean
  readonly #allow: readonly string[]
  readonly #deny: readonly string[]

  constructor({ enabled, allow, deny }: FederationRules) {
    this.#enabled = enabled
    this.#allow = allow.map((pattern) => pattern.toLowerCase())
    this.#deny = deny.map((pattern) => pattern.toLowerCase())
  }

  /** Whether to send anything to this server, and to take anything from it. */
  allows(server: ServerName): boolean {
    if (!this.#enabled) return false
    const name = server.toLowerCase()
    const host = name.replace(/:\d{1,5}$/, '')
    const matches = (pattern: string): boolean => matchesGlob(pattern, name) || matchesGlob(pattern, host)
    return this.#allow.some(matches) && !this.#deny.some(matches)
  }
}
