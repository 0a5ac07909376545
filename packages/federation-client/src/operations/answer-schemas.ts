import { s, type JsonObject, type Schema } from '@hearth/protocol'

/** A JSON object whose properties are for others to check. */
export const anyObject: Schema<JsonObject> = { type: 'object' }

/** A list of events. What is in them is for the pipeline to check. */
export const pdus = s.array(anyObject)
