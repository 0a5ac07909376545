import { s, type Infer, type JsonObject, type RoomId, type UserId } from '@hearth/protocol'
import type { ClientApiContext } from '../context.ts'

/** How long a join may take, in milliseconds: a large room of another server is taken over meanwhile. */
export const joinDeadlineMs = 5 * 60_000

/** The body of a join. What else it holds becomes content of the member event, as clients expect of servers. */
export const joinBody = s.object({
  reason: s.optional(s.string),
  third_party_signed: s.optional(s.record<unknown>(s.unknown)),
})

/**
 * Has the user invited if they bring what an identity server has signed. To be done before they join.
 * @throws MatrixError as `ThirdPartyInvites.accept`
 */
export async function acceptSigned(
  { thirdPartyInvites }: Pick<ClientApiContext, 'thirdPartyInvites'>,
  { userId, roomId, body }: { userId: UserId; roomId: RoomId; body: Infer<typeof joinBody> },
): Promise<void> {
  const { third_party_signed: signed } = body
  if (signed !== undefined) await thirdPartyInvites.accept(userId, roomId, signed as JsonObject)
}

/** What a join's body asks for. */
export function joinOf(body: Infer<typeof joinBody>): { reason: string | undefined; content: JsonObject } {
  const { reason, third_party_signed: _signed, ...content } = body
  return { reason, content }
}
