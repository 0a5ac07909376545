import { type FederationPolicy, KeyRing, Notary, OwnKeys, type KeySource } from '@hearth/core'
import type { SigningKey } from '@hearth/crypto'
import { OriginLoad, type ServerAuthenticatorDeps } from '@hearth/federation'
import { addressGroup, type RateLimiters } from '@hearth/http'
import { isServerName, MatrixError } from '@hearth/protocol'
import type { Clock, Logger, Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { Config } from '../generated/config.ts'

export interface KeyDeps {
  readonly store: Store
  readonly signingKey: SigningKey
  readonly source: KeySource
  readonly policy: FederationPolicy
  readonly health: ServerAuthenticatorDeps['health']
  readonly rateLimiters: RateLimiters<'unknownOrigin' | 'forgedBodies'>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** As many requests as one server's users may cause without others having to wait for it. */
const originLoadLimits = { running: 20, waiting: 30 }

/** Builds what concerns keys: this server's own, those of others, and who has signed a request. */
export async function buildKeys({ serverName, federation }: Config, deps: KeyDeps) {
  const { store, policy, health, rateLimiters, clock } = deps
  const ownKeys = await OwnKeys.open({ store, serverName, current: deps.signingKey, clock })
  const keyRing = new KeyRing({ ...deps, serverName, own: ownKeys, notaries: federation.notaries.filter(isServerName) })
  const serverAuthentication: ServerAuthenticatorDeps = {
    serverName,
    keyRing,
    policy,
    health,
    originLoad: new OriginLoad(originLoadLimits),
    countUnknownOrigin: (address) => rateLimiters.count('unknownOrigin', address),
    rewritesFor: (address) => ({
      take: () => rateLimiters.count('forgedBodies', address),
      giveBack: () => rateLimiters.giveBack('forgedBodies', address),
    }),
  }
  const mayAskForKeys = async (ip: string): Promise<boolean> => {
    try {
      await rateLimiters.count('unknownOrigin', addressGroup(ip))
      return true
    } catch (error) {
      if (error instanceof MatrixError) return false
      throw error
    }
  }
  return {
    mayAskForKeys,
    ownKeys,
    keyRing,
    notary: new Notary({ store, serverName, own: ownKeys, keyRing, clock }),
    serverAuthentication,
  }
}
