/** The bits of `events.flags`; those of `spelling` are set by the store. */
export const eventFlags = {
  spelling: 3,
  /** Fails its auth rules: kept to be recognized, never shown or built upon. */
  rejected: 4,
  /** Allowed by its own auth events but not by the room's current state. */
  softFailed: 8,
  /**
   * For this server to send to the others in the room: of its own users, but for what another server sends on for them, or
   * handed to it by a server that joins, leaves or knocks.
   */
  outgoing: 16,
  /** Events that stood before it were missing when it came: the timeline has a gap there, which may have been filled since. */
  afterGap: 32,
} as const

/** Whether an event was rejected or soft-failed: it has no place in the timeline. */
export function isRefused({ flags }: { readonly flags: number }): boolean {
  return (flags & (eventFlags.rejected | eventFlags.softFailed)) !== 0
}
