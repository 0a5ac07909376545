let variants = 0

/** What the scenarios sync: the newest events of each room, and neither ephemeral events nor all members. */
export function roomFilter(timelineLimit: number): object {
  return { room: { timeline: { limit: timelineLimit }, ...rest } }
}

/**
 * The same under a name of its own: it leaves out a sender who does not exist. Servers answer equal requests of a device
 * with one result, for minutes even; a filter that nobody has used yet gets a fresh one.
 */
export function uniqueRoomFilter(timelineLimit: number): object {
  return { room: { timeline: { limit: timelineLimit, not_senders: [`@nobody${variants++}:localhost`] }, ...rest } }
}

const rest = { state: { lazy_load_members: true }, ephemeral: { not_types: ['*'] } }
