import { s } from '@hearth/protocol'
import type { DestinationRow } from '@hearth/store'

const integerOrNull = s.refine<number | null>(s.integer, { type: ['integer', 'null'] })

/** A server, as tools for Synapse know it. Times are in milliseconds. */
export const destinationInfoSchema = s.object({
  destination: s.string,
  /** When it failed last; 0: it has not since it answered. */
  retry_last_ts: s.integer,
  /** For how long it is left alone since then. */
  retry_interval: s.integer,
  /** Since when it fails. */
  failure_ts: integerOrNull,
  /** Up to which position of the stream it has everything. */
  last_successful_stream_ordering: integerOrNull,
})

export function destinationInfo({ name, failedTs, retryTs, failingSinceTs, sentUpTo }: DestinationRow) {
  return {
    destination: name,
    retry_last_ts: failedTs ?? 0,
    retry_interval: failedTs === null || retryTs === null ? 0 : Math.max(0, retryTs - failedTs),
    failure_ts: failingSinceTs,
    last_successful_stream_ordering: sentUpTo,
  }
}
