import type { JsonObject } from '@hearth/protocol'
import type { AccountDataRow, Store } from '@hearth/store'
import { pushRulesContent, pushRulesType } from '../push/push-rules-content.ts'
import type { UserStream } from './user-stream.ts'

/** Entries of a user's account data, by where they belong. */
export interface AccountDataEntries {
  readonly global: readonly AccountDataEntry[]
  readonly byRoom: ReadonlyMap<number, readonly AccountDataEntry[]>
}

export type AccountDataEntry = Pick<AccountDataRow, 'type' | 'content' | 'pos'>

/** Reads account data: what changed lately from memory, everything else from the store. */
export class AccountDataReader {
  readonly #store: Pick<Store, 'accountData'>

  constructor(deps: { store: Pick<Store, 'accountData'> }) {
    this.#store = deps.store
  }

  /** What was set after a position, or ever, up to another: of each type the latest. */
  async changes(user: UserStream, since: number | undefined, upTo: number): Promise<AccountDataEntries> {
    const recent = since === undefined ? undefined : user.recentAccountData(since, upTo)
    const rows = recent ?? (await this.#store.accountData.listChanged(user.userNid, since ?? 0, upTo))
    const global = new Map<string, AccountDataEntry>()
    const byRoom = new Map<number, Map<string, AccountDataEntry>>()
    for (const row of rows) {
      let place = row.roomNid === null ? global : byRoom.get(row.roomNid)
      if (!place) byRoom.set(row.roomNid!, (place = new Map<string, AccountDataEntry>()))
      place.set(row.type, row)
    }
    const pushRules = global.get(pushRulesType)
    // Everybody has push rules, also those who never changed any.
    if (pushRules || since === undefined) {
      const content = pushRulesContent(pushRules?.content, user.userId)
      global.set(pushRulesType, { type: pushRulesType, pos: pushRules?.pos ?? 0, content })
    }
    return {
      global: [...global.values()],
      byRoom: new Map([...byRoom].map(([roomNid, entries]) => [roomNid, [...entries.values()]])),
    }
  }
}

/** An entry as clients get it. */
export function accountDataJson({ type, content }: AccountDataEntry): string {
  return `{"type":${JSON.stringify(type)},"content":${content}}`
}

/** The same, parsed. */
export function accountDataObject({ type, content }: AccountDataEntry): JsonObject {
  return { type, content: JSON.parse(content) as JsonObject }
}
