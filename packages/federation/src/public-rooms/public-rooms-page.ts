import { s } from '@hearth/protocol'

/** A page of a server's list of rooms. */
export const publicRoomsPage = s.object({
  chunk: s.array<unknown>(s.unknown),
  next_batch: s.optional(s.string),
  prev_batch: s.optional(s.string),
  total_room_count_estimate: s.integer,
})
