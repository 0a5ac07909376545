import type { RateLimit } from '@hearth/http'

/** How often others may ask whom nobody vouches for. */
export const federationRateLimits = {
  /** Invitations of one user of this server, whoever sends them: each is something to look at. */
  invitesOfUser: { perSecond: 1 / 30, burst: 20, by: 'user' },
  keys: { perSecond: 10, burst: 200, by: 'address' },
  /** What identity servers tell, each of which may make this one ask others. */
  onBind: { perSecond: 1, burst: 20, by: 'address' },
  openIdExchange: { perSecond: 10, burst: 200, by: 'address' },
  /** Bodies that have to be parsed before their signature shows that they are forged. */
  forgedBodies: { perSecond: 1, burst: 20, by: 'address' },
  /** Requests in the name of servers whose keys have to be asked for. */
  unknownOrigin: { perSecond: 5, burst: 100, by: 'address' },
} as const satisfies Record<string, RateLimit>

export type FederationRateLimit = keyof typeof federationRateLimits
