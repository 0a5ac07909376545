import type { RateLimit } from '@hearth/http'

/** How often one may ask. Bytes are counted apart: quotas for what is sent, a budget for what other servers have. */
export const mediaRateLimits = {
  mediaCreation: { perSecond: 5, burst: 100, by: 'user' },
  mediaDownloads: { perSecond: 50, burst: 1_000, by: 'user' },
  mediaUploads: { perSecond: 2, burst: 100, by: 'user' },
  urlPreviews: { perSecond: 1, burst: 120, by: 'user' },
} as const satisfies Record<string, RateLimit>

export type MediaRateLimit = keyof typeof mediaRateLimits
