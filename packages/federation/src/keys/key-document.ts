import { s, type JsonObject, type Schema } from '@hearth/protocol'

/** What a server says of its keys. {@link https://spec.matrix.org/v1.19/server-server-api/#publishing-keys} */
export const keyDocument: Schema<JsonObject> = s.refine(s.record(s.unknown) as Schema<JsonObject>, {
  properties: {
    server_name: s.string,
    verify_keys: s.record(s.object({ key: s.string })),
    old_verify_keys: s.record(s.object({ key: s.string, expired_ts: s.integer })),
    valid_until_ts: s.integer,
    signatures: s.record(s.record(s.string)),
  },
  required: ['server_name', 'verify_keys', 'valid_until_ts', 'signatures'],
})

/** What a notary answers. */
export const keyDocuments: Schema<{ server_keys: JsonObject[] }> = s.object({ server_keys: s.array(keyDocument) })
