import { clientApi, sharedSecretApi, type ClientApiContext, type ClientRateLimit } from '@hearth/client-api'
import {
  federationAdministrationApi,
  federationApi,
  type FederationAdministrationContext,
  type FederationContext,
  type FederationRateLimit,
  type ServerAuthenticatorDeps,
} from '@hearth/federation'
import type { UpToDate } from '@hearth/core'
import {
  type Authenticator,
  HttpServer,
  operations,
  RateLimiters,
  type OperationsContext,
  type Requesters,
  type Transport,
} from '@hearth/http'
import {
  mediaAdministrationApi,
  mediaApi,
  mediaFederationApi,
  type MediaContext,
  type MediaRateLimit,
} from '@hearth/media'
import { roomVersions } from '@hearth/rooms'
import { Metrics, type Clock, type Logger } from '@hearth/runtime'
import { Pages } from '@hearth/web'
import type { Config } from '../generated/config.ts'
import { hearthVersion } from '../version.ts'
import type { Role } from './roles.ts'

export interface HttpDeps {
  readonly rateLimiters: RateLimiters<ClientRateLimit | FederationRateLimit | MediaRateLimit>
  /** What the endpoints use. */
  readonly services: Omit<ClientApiContext, 'pages' | 'server'> & Omit<FederationContext, 'clock' | 'server'>
  readonly mediaServices: MediaContext
  readonly federationAdministration: FederationAdministrationContext
  readonly serverAuthentication: ServerAuthenticatorDeps
  /** Which parts of the server this process runs. */
  readonly runs: (role: Role) => boolean
  /** Has this process know what others have acknowledged. */
  readonly upToDate: UpToDate
  readonly findTrouble: OperationsContext['findTrouble']
  readonly checkResponses: boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Builds the listeners that serve the server's APIs. */
export async function buildHttp(config: Config, deps: HttpDeps): Promise<HttpServer> {
  const { services, mediaServices, federationAdministration, serverAuthentication, ...rest } = deps
  const { findTrouble, metrics, runs, upToDate, ...common } = rest
  const http = new HttpServer({
    listen: config.listen,
    ...tlsOf(config),
    trustedProxies: config.trustedProxies,
    metrics,
    ...common,
  })
  const clientContext = { ...services, pages: await Pages.load(), server: serverFacts(config) }
  const forClients = clientApi(clientContext)
  const { serverName, publicUrl, federation } = config
  const server = { serverName, version: hearthVersion(), publicUrl: federation.enabled ? publicUrl : undefined }
  const forServers = federationApi({ ...services, server, clock: common.clock }, serverAuthentication)
  if (runs('client')) {
    http.mount(following(forClients, upToDate))
    http.mount(following(federationAdministrationApi(federationAdministration, forClients.authenticators), upToDate))
    http.mount(following(sharedSecretApi(clientContext), upToDate))
  }
  if (runs('federation-in')) http.mount(following(forServers, upToDate))
  if (runs('media')) {
    http.mount(following(mediaApi(mediaServices, forClients.authenticators), upToDate))
    http.mount(following(mediaAdministrationApi(mediaServices, forClients.authenticators), upToDate))
    http.mount(following(mediaFederationApi(mediaServices, forServers.authenticators), upToDate))
  }
  const metricsFor = config.metrics.listen === undefined ? 'loopback' : 'nobody'
  http.mount(operations({ findTrouble, metrics }, { metricsFor }))
  return http
}

/** Whoever asks has found out about what another process did: this one learns of it before it answers. */
function following<Context, Known extends Requesters>(
  transport: Transport<Context, Known>,
  upToDate: UpToDate,
): Transport<Context, Known> {
  const authenticators = Object.entries<Authenticator<unknown>>(transport.authenticators).map(
    ([auth, authenticate]) => {
      const follow: Authenticator<unknown> = async (request) => {
        const [authenticated] = await Promise.all([authenticate(request), upToDate.now()])
        return authenticated
      }
      return [auth, follow] as const
    },
  )
  return {
    ...transport,
    authenticators: Object.fromEntries(authenticators) as unknown as typeof transport.authenticators,
  }
}

/** Builds the listener of `metrics.listen`, if there is one: for everyone who can reach it. */
export function buildMetricsHttp(config: Config, deps: HttpDeps): HttpServer | undefined {
  const { findTrouble, metrics, clock, logger } = deps
  if (config.metrics.listen === undefined) return undefined
  const http = new HttpServer({
    listen: [config.metrics.listen],
    trustedProxies: [],
    rateLimiters: new RateLimiters({ limits: {}, enabled: false }),
    clock,
    logger,
    // Who reads the figures is not one of them.
    metrics: new Metrics(),
  })
  http.mount(operations({ findTrouble, metrics }, { metricsFor: 'everyone' }))
  return http
}

function serverFacts({ serverName, publicUrl, rooms, support }: Config): ClientApiContext['server'] {
  const stability = Object.values(roomVersions).map(({ id, stable }) => [id, stable ? 'stable' : 'unstable'] as const)
  return {
    serverName,
    publicUrl,
    support,
    defaultRoomVersion: rooms.defaultVersion,
    roomVersions: Object.fromEntries(stability),
  }
}

function tlsOf({ tls }: Config) {
  if (tls.certificate === undefined || tls.privateKey === undefined) return {}
  return { tls: { certificate: tls.certificate, privateKey: tls.privateKey } }
}
