import type { LoginLimits } from '@hearth/core'
import { addressGroup, type RateLimit, type RateLimiters } from '@hearth/http'

/** How often clients may ask. Generous to people and to bots that talk; narrow where guessing or filling disks pays. */
export const clientRateLimits = {
  accountData: { perSecond: 10, burst: 100, by: 'user' },
  aliases: { perSecond: 0.5, burst: 50, by: 'user' },
  availability: { perSecond: 1, burst: 20, by: 'address' },
  credentials: { perSecond: 0.1, burst: 10, by: 'user' },
  devices: { perSecond: 1, burst: 30, by: 'user' },
  directory: { perSecond: 3, burst: 100, by: 'user' },
  invites: { perSecond: 0.3, burst: 30, by: 'user' },
  joins: { perSecond: 0.3, burst: 30, by: 'user' },
  login: { perSecond: 1, burst: 20, by: 'address' },
  loginTokens: { perSecond: 0.05, burst: 6, by: 'user' },
  membership: { perSecond: 1, burst: 30, by: 'user' },
  messages: { perSecond: 10, burst: 100, by: 'user' },
  mutualRooms: { perSecond: 1, burst: 50, by: 'user' },
  presence: { perSecond: 1, burst: 20, by: 'user' },
  profile: { perSecond: 0.5, burst: 20, by: 'user' },
  profileLookup: { perSecond: 10, burst: 200, by: 'address' },
  pushRules: { perSecond: 5, burst: 200, by: 'user' },
  openIdTokens: { perSecond: 0.2, burst: 20, by: 'user' },
  receipts: { perSecond: 10, burst: 100, by: 'user' },
  refreshes: { perSecond: 1, burst: 50, by: 'address' },
  registration: { perSecond: 0.2, burst: 30, by: 'address' },
  registrationToken: { perSecond: 0.1, burst: 5, by: 'address' },
  reports: { perSecond: 0.2, burst: 20, by: 'user' },
  roomCreation: { perSecond: 0.2, burst: 20, by: 'user' },
  userDirectory: { perSecond: 2, burst: 50, by: 'user' },
  toDevice: { perSecond: 10, burst: 300, by: 'user' },
  typing: { perSecond: 5, burst: 50, by: 'user' },
  turnServer: { perSecond: 1, burst: 20, by: 'user' },
  /** Counted by the name that is tried. */
  wrongPasswordsOfAccount: { perSecond: 0.003, burst: 5, by: 'user' },
  wrongPasswordsFromAddress: { perSecond: 0.003, burst: 5, by: 'address' },
} as const satisfies Record<string, RateLimit>

export type ClientRateLimit = keyof typeof clientRateLimits

/** The limits of wrong passwords, counted like all others. */
export function loginLimits(rateLimiters: RateLimiters<ClientRateLimit>): LoginLimits {
  return {
    perAccount: {
      take: (account) => rateLimiters.count('wrongPasswordsOfAccount', account),
      giveBack: (account) => rateLimiters.giveBack('wrongPasswordsOfAccount', account),
    },
    perAddress: {
      take: (ip) => rateLimiters.count('wrongPasswordsFromAddress', addressGroup(ip)),
      giveBack: (ip) => rateLimiters.giveBack('wrongPasswordsFromAddress', addressGroup(ip)),
    },
  }
}
