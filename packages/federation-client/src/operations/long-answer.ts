import type { RequestLimits } from '../requests/remote-request.ts'

const MiB = 1024 * 1024

/** For what grows with a room, such as its state: the largest rooms' is some 200 MB and takes minutes to gather. */
export const longAnswer: Partial<RequestLimits> = {
  firstByteMs: 300_000,
  idleMs: 60_000,
  totalMs: 900_000,
  maxBytes: 512 * MiB,
}
