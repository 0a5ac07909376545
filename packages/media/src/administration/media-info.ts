import type { MediaCensusRow } from '@hearth/store'

/** A file in the form that administrators' tools know. */
export function mediaInfo(row: MediaCensusRow) {
  return {
    media_id: row.mediaId,
    media_type: row.contentType,
    media_length: row.size,
    upload_name: row.name,
    created_ts: row.createdTs,
    last_access_ts: row.lastAccessTs,
    quarantined_by: row.quarantinedBy,
    safe_from_quarantine: row.protected,
  }
}
