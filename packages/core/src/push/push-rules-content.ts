import { PushRuleSet } from '@hearth/rooms'

/** The type of the account data that a user's push rules are. */
export const pushRulesType = 'm.push_rules'

/**
 * The account data that a user's push rules are for their clients, as JSON text. What is stored is only how they differ from
 * the server's; nothing is for those who never changed any.
 */
export function pushRulesContent(stored: string | undefined, userId: string): string {
  return JSON.stringify({ global: parsePushRules(stored).rulesOf(userId) })
}

/** A user's push rules, as they are stored. */
export function parsePushRules(stored: string | undefined): PushRuleSet {
  return stored === undefined ? PushRuleSet.standard : PushRuleSet.parse(stored)
}
