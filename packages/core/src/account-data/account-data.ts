import { invalidParam, MatrixError, notFound, type JsonObject, type RoomId } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import { pushRulesContent, pushRulesType } from '../push/push-rules-content.ts'
import type { AccountDataChange } from '../sync/change.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import { userLimitExceeded } from '../user-limit-exceeded.ts'
import { accountDataQuota } from './account-data-quota.ts'

/** An entry of a user's account data, and the room it belongs to, if it does. */
export interface AccountDataKey {
  readonly userNid: number
  readonly roomId?: RoomId | undefined
  readonly type: string
}

/** Where changes go. */
export type AccountDataFeed = Pick<StreamFeed, 'publish' | 'reached' | 'writing'>

const MAX_TYPE_BYTES = 255
const MAX_CONTENT_BYTES = 256 * 1024

/** Types that endpoints of their own set. {@link https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-12} */
const ownedByServer: ReadonlySet<string> = new Set(['m.fully_read', pushRulesType])

/**
 * What clients keep for their users. Each write is a change of the stream, and comes down every device's sync.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#client-config}
 */
export class AccountData {
  readonly #store: Store
  readonly #feed: AccountDataFeed

  constructor(deps: { readonly store: Store; readonly feed: AccountDataFeed }) {
    this.#store = deps.store
    this.#feed = deps.feed
  }

  /**
   * Sets an entry.
   * @throws MatrixError M_BAD_JSON (405) for a type that belongs to the server, M_INVALID_PARAM for one that is too long,
   * M_TOO_LARGE, M_USER_LIMIT_EXCEEDED, M_NOT_FOUND for an unknown room.
   */
  async set(key: AccountDataKey, content: JsonObject): Promise<void> {
    checkSettable(key)
    await this.setByServer(key, content)
  }

  /** The same for the endpoints that types belong to, which {@link set} refuses. */
  async setByServer(key: AccountDataKey, content: JsonObject): Promise<void> {
    const { userNid, type } = key
    const roomNid = await this.#roomNid(key)
    const text = contentText(content)
    const pos = await this.#feed.writing(() =>
      this.#store.accountData.set({ userNid, roomNid, type, content: text }, accountDataQuota),
    )
    if (pos === undefined) throw tooMuch()
    await this.#publish({ kind: 'account-data', pos, userNid, roomNid, type, content: text })
  }

  /**
   * Sets an entry to what `change` makes of it; where that is undefined, nothing happens. Of several changes at once none
   * is lost.
   * @throws MatrixError what `change` throws, and as {@link set}.
   */
  async update(key: AccountDataKey, change: (content: JsonObject) => JsonObject | undefined): Promise<void> {
    checkSettable(key)
    const { userNid, type } = key
    const roomNid = await this.#roomNid(key)
    const written = await this.#feed.writing(() =>
      this.#store.transaction(async (tx) => {
        await tx.accountData.lock(userNid)
        const before = await tx.accountData.find(userNid, roomNid, type)
        const content = change(before === undefined ? {} : (JSON.parse(before) as JsonObject))
        if (content === undefined) return undefined
        const text = contentText(content)
        const pos = await tx.accountData.set({ userNid, roomNid, type, content: text }, accountDataQuota)
        if (pos === undefined) throw tooMuch()
        return { pos, content: text }
      }),
    )
    if (written) await this.#publish({ kind: 'account-data', userNid, roomNid, type, ...written })
  }

  /**
   * Deletes an entry, if there is one. To devices that know of it, it becomes an empty object.
   * @throws MatrixError M_BAD_JSON (405), M_INVALID_PARAM, M_NOT_FOUND as {@link set}.
   */
  async delete(key: AccountDataKey): Promise<void> {
    checkSettable(key)
    const { userNid, type } = key
    const roomNid = await this.#roomNid(key)
    const pos = await this.#feed.writing(() => this.#store.accountData.delete({ userNid, roomNid, type }))
    if (pos === undefined) return
    await this.#publish({ kind: 'account-data', pos, userNid, roomNid, type, content: '{}' })
  }

  /**
   * The content of an entry, as JSON text.
   * @throws MatrixError M_NOT_FOUND when there is none, M_INVALID_PARAM for a type that cannot be.
   */
  async get(key: AccountDataKey): Promise<string> {
    const content = await this.find(key)
    if (key.type === pushRulesType && key.roomId === undefined) {
      return pushRulesContent(content, await this.#store.users.keyOf(key.userNid))
    }
    if (content === undefined) throw notFound('There is no such account data')
    return content
  }

  /**
   * The same, undefined when there is none.
   * @throws MatrixError M_NOT_FOUND for an unknown room, M_INVALID_PARAM for a type that cannot be.
   */
  async find(key: AccountDataKey): Promise<string | undefined> {
    checkType(key.type)
    return this.#store.accountData.find(key.userNid, await this.#roomNid(key), key.type)
  }

  async #publish(change: AccountDataChange): Promise<void> {
    this.#feed.publish({ firstPos: change.pos, count: 1, changes: [change] })
    // So that a sync after the answer has it.
    await this.#feed.reached(change.pos)
  }

  async #roomNid({ roomId }: AccountDataKey): Promise<number | null> {
    if (roomId === undefined) return null
    const room = await this.#store.rooms.find(roomId)
    if (room === undefined) throw notFound('Unknown room')
    return room.nid
  }
}

function checkSettable({ type }: AccountDataKey): void {
  if (ownedByServer.has(type)) {
    throw new MatrixError('M_BAD_JSON', `${type} cannot be set through this API`, { status: 405 })
  }
  checkType(type)
}

function contentText(content: JsonObject): string {
  const text = JSON.stringify(content)
  if (Buffer.byteLength(text) <= MAX_CONTENT_BYTES) return text
  throw new MatrixError('M_TOO_LARGE', `Account data may have at most ${MAX_CONTENT_BYTES} bytes`)
}

function tooMuch(): MatrixError {
  return userLimitExceeded('You keep more account data than a user may')
}

function checkType(type: string): void {
  if (type.includes('\0') || Buffer.byteLength(type) > MAX_TYPE_BYTES) {
    throw invalidParam(`The type of account data may have at most ${MAX_TYPE_BYTES} bytes, and no NUL`)
  }
}
