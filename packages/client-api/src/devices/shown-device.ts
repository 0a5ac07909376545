import type { OwnDevice } from '@hearth/core'
import { s } from '@hearth/protocol'

/** The schema of a device as its owner sees it. */
export const shownDevice = s.object({
  device_id: s.string,
  display_name: s.optional(s.string),
  last_seen_ip: s.string,
  last_seen_ts: s.integer,
})

/** A device as its owner sees it. */
export function showDevice({ deviceId, displayName, lastSeenIp, lastSeenTs }: OwnDevice) {
  return {
    device_id: deviceId,
    ...(displayName !== null && { display_name: displayName }),
    last_seen_ip: lastSeenIp,
    last_seen_ts: lastSeenTs,
  }
}
