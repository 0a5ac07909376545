import { MatrixError, type RoomId } from '@hearth/protocol'
import { LruCache, type Metrics } from '@hearth/runtime'
import {
  checkActions,
  checkPushRule,
  type PushRule,
  type PushRuleKind,
  type PushRulesByKind,
  type PushRuleSet,
  type RulePlace,
  type RuleRequest,
} from '@hearth/rooms'
import type { Store, Tables } from '@hearth/store'
import { accountDataQuota } from '../account-data/account-data-quota.ts'
import type { Requester } from '../requester.ts'
import type { AccountDataChange, Change } from '../sync/change.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import { userLimitExceeded } from '../user-limit-exceeded.ts'
import { parsePushRules, pushRulesType } from './push-rules-content.ts'

/** A user's rules as of a stream position. */
interface KnownRules {
  readonly pos: number
  readonly rules: PushRuleSet
}

export interface PushRulesDeps {
  readonly store: Store
  readonly feed: Pick<StreamFeed, 'publish' | 'reached' | 'writing' | 'listen'>
  readonly metrics: Metrics
}

const maxRules = 2_000
const maxBytes = 256 * 1024
/** Keeps what one long message costs below some ten milliseconds for each user. */
const maxSearchLength = 4_096
const maxRemembered = 50_000

/**
 * What users want to be notified of. The rules are account data: each change comes down every device's sync.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#push-rules}
 */
export class PushRules {
  readonly #store: Store
  readonly #feed: PushRulesDeps['feed']
  readonly #known: LruCache<number, KnownRules>

  constructor(deps: PushRulesDeps) {
    this.#store = deps.store
    this.#feed = deps.feed
    this.#known = new LruCache({ name: 'push-rules', maxEntries: maxRemembered, metrics: deps.metrics })
    deps.feed.listen((changes) => this.#follow(changes))
  }

  /** All rules of a user. */
  async list({ userNid, userId }: Requester): Promise<PushRulesByKind> {
    return (await this.of(userNid)).rulesOf(userId)
  }

  /** One rule. @throws MatrixError M_NOT_FOUND. */
  async get({ userNid, userId }: Requester, kind: PushRuleKind, ruleId: string): Promise<PushRule> {
    return (await this.of(userNid)).find(kind, ruleId, userId)
  }

  /**
   * Adds a rule, or changes what one says.
   *
   * @throws MatrixError M_INVALID_PARAM, M_BAD_JSON, M_MISSING_PARAM, M_TOO_LARGE for a rule that cannot be, M_UNKNOWN (400)
   *   for a place next to a rule that does not exist, M_USER_LIMIT_EXCEEDED.
   */
  async put(
    requester: Requester,
    kind: PushRuleKind,
    ruleId: string,
    request: RuleRequest,
    place: RulePlace,
  ): Promise<void> {
    const rule = checkPushRule(kind, ruleId, request)
    await this.#change(requester.userNid, (rules) => rules.put(kind, rule, place))
  }

  /** Removes a rule of the user's own. @throws MatrixError M_NOT_FOUND. */
  async delete({ userNid }: Requester, kind: PushRuleKind, ruleId: string): Promise<void> {
    await this.#change(userNid, (rules) => rules.delete(kind, ruleId))
  }

  /** Enables or disables a rule, also one of the server's. @throws MatrixError M_NOT_FOUND. */
  async setEnabled({ userNid }: Requester, kind: PushRuleKind, ruleId: string, enabled: boolean): Promise<void> {
    await this.#change(userNid, (rules) => rules.change(kind, ruleId, { enabled }))
  }

  /** Sets the actions of a rule, also of one of the server's. @throws MatrixError M_NOT_FOUND, M_INVALID_PARAM. */
  async setActions(
    { userNid }: Requester,
    kind: PushRuleKind,
    ruleId: string,
    actions: RuleRequest['actions'],
  ): Promise<void> {
    const checked = checkActions(actions)
    await this.#change(userNid, (rules) => rules.change(kind, ruleId, { actions: checked }))
  }

  /** Gives the room that replaces another the rules that a user has for that one, as far as they may have more. */
  async copyRoomRules(userNid: number, oldRoomId: RoomId, newRoomId: RoomId): Promise<void> {
    const before = await this.of(userNid)
    if (before.copyRoom(oldRoomId, newRoomId) === before) return
    try {
      await this.#change(userNid, (rules) => rules.copyRoom(oldRoomId, newRoomId))
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
    }
  }

  /** The rules of a user, from memory where they are known. */
  async of(userNid: number): Promise<PushRuleSet> {
    return this.#known.get(userNid)?.rules ?? (await this.ofUsers([userNid])).get(userNid)!
  }

  /** The rules of a user, if they are in memory. */
  peek(userNid: number): PushRuleSet | undefined {
    return this.#known.get(userNid)?.rules
  }

  /** The rules of several users, read with one query where they are not known. */
  async ofUsers(
    userNids: readonly number[],
    tables: Pick<Tables, 'accountData'> = this.#store,
  ): Promise<ReadonlyMap<number, PushRuleSet>> {
    const found = new Map<number, PushRuleSet>()
    const missing = userNids.filter((nid) => {
      const known = this.#known.get(nid)
      if (known) found.set(nid, known.rules)
      return !known
    })
    if (missing.length === 0) return found
    const rows = await tables.accountData.findOfUsers(missing, pushRulesType)
    const rowOf = new Map(rows.map((row) => [row.userNid, row]))
    for (const nid of missing) {
      const row = rowOf.get(nid)
      const read = { pos: row?.pos ?? 0, rules: parsePushRules(row?.content) }
      // While it was read, the stream may have told of a later one.
      const known = this.#known.get(nid)
      const latest = known && known.pos > read.pos ? known : read
      this.#known.set(nid, latest)
      found.set(nid, latest.rules)
    }
    return found
  }

  async #change(userNid: number, change: (rules: PushRuleSet) => PushRuleSet): Promise<void> {
    const changed = await this.#write(userNid, change)
    if (!changed) return
    this.#feed.publish({ firstPos: changed.pos, count: 1, changes: [changed] })
    // So that a sync after the answer has it.
    await this.#feed.reached(changed.pos)
  }

  async #write(userNid: number, change: (rules: PushRuleSet) => PushRuleSet): Promise<AccountDataChange | undefined> {
    return this.#feed.writing(() =>
      this.#store.transaction(async (tx) => {
        await tx.accountData.lock(userNid)
        const stored = await tx.accountData.find(userNid, null, pushRulesType)
        const before = parsePushRules(stored)
        const rules = change(before)
        const content = rules.toText()
        if (content === before.toText()) return undefined
        checkSize(rules, content, before)
        const row = { userNid, roomNid: null, type: pushRulesType, content }
        const pos = await tx.accountData.set(row, accountDataQuota)
        if (pos === undefined) throw userLimitExceeded('You keep more account data than a user may')
        return { kind: 'account-data', pos, ...row }
      }),
    )
  }

  #follow(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind !== 'account-data' || change.type !== pushRulesType || change.roomNid !== null) continue
      this.#known.set(change.userNid, { pos: change.pos, rules: parsePushRules(change.content) })
    }
  }
}

/** Whoever has too much may still have less. */
function checkSize(rules: PushRuleSet, content: string, before: PushRuleSet): void {
  const isLess = content.length <= before.toText().length
  if (isLess) return
  const isTooMuch =
    rules.ownCount > maxRules || Buffer.byteLength(content) > maxBytes || rules.searchLength > maxSearchLength
  if (isTooMuch) {
    throw userLimitExceeded('You have more push rules than a user may')
  }
}
