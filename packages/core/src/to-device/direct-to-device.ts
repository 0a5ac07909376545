import { randomBytes } from 'node:crypto'
import { canonicalJson, CanonicalJsonError } from '@hearth/crypto'
import { badJson, type UserId } from '@hearth/protocol'
import type { AddressedMessage } from './addressed-message.ts'

/** What the messages of one EDU may have together; a message that has more goes alone. */
const maxBytes = 64 * 1024

/**
 * The contents of `m.direct_to_device` EDUs that carry these messages, which are all for one server, as canonical JSON.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#send-to-device-messaging}
 *
 * @throws MatrixError M_BAD_JSON for what servers cannot sign, such as fractions.
 */
export function directToDeviceContents(sender: UserId, type: string, messages: readonly AddressedMessage[]): string[] {
  return chunksOf(messages).map((chunk) => {
    const byUser = Map.groupBy(chunk, ({ userId }) => userId)
    // Entries, because user and device ids may be names that assignment to an object treats specially.
    const users = [...byUser].map(([userId, theirs]) => {
      return [userId, Object.fromEntries(theirs.map(({ deviceId, content }) => [deviceId, content]))] as const
    })
    const messageId = randomBytes(16).toString('hex')
    return canonical({ message_id: messageId, messages: Object.fromEntries(users), sender, type })
  })
}

function canonical(content: Parameters<typeof canonicalJson>[0]): string {
  try {
    return canonicalJson(content)
  } catch (error) {
    if (error instanceof CanonicalJsonError) throw badJson(`A message to another server: ${error.message}`)
    throw error
  }
}

function chunksOf(messages: readonly AddressedMessage[]): AddressedMessage[][] {
  const chunks: AddressedMessage[][] = []
  let bytes = Infinity
  for (const message of messages) {
    const size = Buffer.byteLength(JSON.stringify(message.content))
    if (bytes + size > maxBytes) {
      chunks.push([])
      bytes = 0
    }
    bytes += size
    chunks.at(-1)!.push(message)
  }
  return chunks
}
