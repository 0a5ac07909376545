import { s, type Infer } from '@hearth/protocol'

/** Servers that may be in the room, as clients name them now and as they did before. */
export const viaQuery = s.object({
  via: s.optional(s.array(s.string)),
  server_name: s.optional(s.array(s.string)),
})

/** The servers that a query names. */
export function viaOf({ via = [], server_name: older = [] }: Infer<typeof viaQuery>): readonly string[] {
  return [...via, ...older]
}
