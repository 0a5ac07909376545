import { createHmac } from 'node:crypto'
import type { UserId } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'

/** How a client reaches the TURN servers. */
export interface TurnAccess {
  readonly username: string
  readonly password: string
  readonly uris: readonly string[]
  /** How long the password is good for, in seconds. */
  readonly ttl: number
}

/** A day: longer than most calls, and clients ask again in time. */
const ttlSeconds = 86_400

/**
 * Makes passwords for the TURN servers. They know the secret too, so nobody has to tell them.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3voipturnserver}
 */
export class TurnCredentials {
  readonly #uris: readonly string[]
  readonly #secret: string | undefined
  readonly #clock: Clock

  /** Without a secret there are no servers to reach. */
  constructor(deps: { uris: readonly string[]; secret: string | undefined; clock: Clock }) {
    this.#uris = deps.uris
    this.#secret = deps.secret
    this.#clock = deps.clock
  }

  /** A name and a password that are good for a day; undefined when there are no servers. */
  of(userId: UserId): TurnAccess | undefined {
    if (this.#secret === undefined) return undefined
    // Until when it is good is part of the name, as coturn has it.
    const username = `${Math.floor(this.#clock.now() / 1_000) + ttlSeconds}:${userId}`
    const password = createHmac('sha1', this.#secret).update(username).digest('base64')
    return { username, password, uris: this.#uris, ttl: ttlSeconds }
  }
}
