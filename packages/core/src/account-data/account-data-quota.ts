import type { AccountDataQuota } from '@hearth/store'

/** What a user may keep. Rooms have entries of their own, and people may be in thousands of rooms. */
export const accountDataQuota: AccountDataQuota = { entries: 20_000, bytes: 16 * 1024 * 1024 }
