import { s, type Infer, type JsonObject } from '@hearth/protocol'

/** How long a join may take, in milliseconds: a large room of another server is taken over meanwhile. */
export const joinDeadlineMs = 5 * 60_000

/** The body of a join. What else it holds becomes content of the member event, as clients expect of servers. */
export const joinBody = s.object({
  reason: s.optional(s.string),
  third_party_signed: s.optional(s.record<unknown>(s.unknown)),
})

/** What a join's body asks for. */
export function joinOf(body: Infer<typeof joinBody>): { reason: string | undefined; content: JsonObject } {
  const { reason, third_party_signed: _signed, ...content } = body
  return { reason, content }
}
