import type { JsonObject } from '@hearth/protocol'
import type { AnswerLists } from '../requests/remote-request.ts'

const MAX_PDUS = 400_000

/** Takes the PDUs of a long answer as they arrive. Reading goes on when what it returns is settled. */
export type OnPdu<List extends string> = (list: List, pdu: JsonObject) => void | Promise<void>

/** Lists of PDUs in an answer, read one by one: one that is malformed or far too large does not spoil the others. */
export function pduLists<List extends string>(names: readonly List[], onPdu?: OnPdu<List>): AnswerLists {
  if (onPdu === undefined) return { names, items: 'object', maxItems: MAX_PDUS }
  return {
    names,
    items: 'object',
    maxItems: MAX_PDUS,
    onItem: (list, pdu) => onPdu(list as List, pdu as JsonObject),
  }
}
