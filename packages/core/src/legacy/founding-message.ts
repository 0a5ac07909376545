import { badJson, type JsonObject } from '@hearth/protocol'

/** The keys that a message must have, by its `msgtype`. Later clients send files without `filename`. */
const requiredKeys: Readonly<Record<string, string>> = {
  'm.text': 'body',
  'm.emote': 'body',
  'm.notice': 'body',
  'm.image': 'url',
  'm.audio': 'url',
  'm.video': 'url',
  'm.file': 'url',
  'm.location': 'geo_uri',
}

/**
 * Checks what the founding API asks of messages and today's does not.
 *
 * @throws MatrixError M_BAD_JSON for content that clients of the founding API could not show.
 */
export function checkFoundingMessage(type: string, content: JsonObject): void {
  if (type === 'm.room.message') {
    const { msgtype } = content
    if (typeof msgtype !== 'string') throw badJson('msgtype is missing')
    const key = Object.hasOwn(requiredKeys, msgtype) ? requiredKeys[msgtype]! : undefined
    if (key !== undefined && typeof content[key] !== 'string') throw badJson(`${key} is missing or not a string`)
  }
  if (type === 'm.room.message.feedback' && content['type'] !== 'delivered' && content['type'] !== 'read') {
    throw badJson('Bad feedback type.')
  }
}
