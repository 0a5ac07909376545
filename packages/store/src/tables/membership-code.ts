/** The membership of a user in a room as the database stores it. */
export const membershipCodes = { join: 1, invite: 2, leave: 3, ban: 4, knock: 5 } as const

/** @see https://spec.matrix.org/v1.19/client-server-api/#mroommember */
export type Membership = keyof typeof membershipCodes

const names = Object.keys(membershipCodes) as Membership[]
const byCode = new Map<number, Membership>(names.map((name) => [membershipCodes[name], name]))

/** The membership of a stored code. Throws on one that no version of Hearth wrote. */
export function membershipOf(code: number): Membership {
  const membership = byCode.get(code)
  if (membership === undefined) throw new RangeError(`unknown membership code ${code}`)
  return membership
}

/** Tells whether a word is a membership that can be stored. */
export function isMembership(word: unknown): word is Membership {
  return typeof word === 'string' && Object.hasOwn(membershipCodes, word)
}
