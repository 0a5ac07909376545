import { badJson, invalidParam, isJsonObject, type JsonObject, type RoomId } from '@hearth/protocol'
import type { Requester } from '../requester.ts'
import { userLimitExceeded } from '../user-limit-exceeded.ts'
import type { AccountData, AccountDataKey } from './account-data.ts'

const MAX_NAME_BYTES = 255
const MAX_TAGS = 100

/**
 * The labels that a user gives to a room: one entry of its account data.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#room-tagging}
 */
export class RoomTags {
  readonly #accountData: AccountData

  constructor(deps: { accountData: AccountData }) {
    this.#accountData = deps.accountData
  }

  /** The tags by name. @throws MatrixError M_NOT_FOUND for an unknown room. */
  async list(requester: Requester, roomId: RoomId): Promise<JsonObject> {
    const content = await this.#accountData.find(keyOf(requester, roomId))
    return content === undefined ? {} : tagsIn(JSON.parse(content) as JsonObject)
  }

  /**
   * Tags a room, or changes what a tag says.
   *
   * @throws MatrixError M_INVALID_PARAM for a name that is too long, M_BAD_JSON for an order that is no number from 0 to 1,
   *   M_USER_LIMIT_EXCEEDED, M_NOT_FOUND for an unknown room.
   */
  async set(requester: Requester, roomId: RoomId, name: string, tag: JsonObject): Promise<void> {
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw invalidParam(`A tag may have at most ${MAX_NAME_BYTES} bytes`)
    const { order } = tag
    if (order !== undefined && !(typeof order === 'number' && order >= 0 && order <= 1)) {
      throw badJson('order is not a number from 0 to 1')
    }
    await this.#accountData.update(keyOf(requester, roomId), (content) => {
      const tags = { ...tagsIn(content), [name]: tag }
      if (Object.keys(tags).length > MAX_TAGS) throw userLimitExceeded(`A room may have at most ${MAX_TAGS} tags`)
      return { ...content, tags }
    })
  }

  /** Takes a tag away, if it is there. @throws MatrixError M_NOT_FOUND for an unknown room. */
  async delete(requester: Requester, roomId: RoomId, name: string): Promise<void> {
    await this.#accountData.update(keyOf(requester, roomId), (content) => {
      const tags = tagsIn(content)
      if (!Object.hasOwn(tags, name)) return undefined
      return { ...content, tags: Object.fromEntries(Object.entries(tags).filter(([key]) => key !== name)) }
    })
  }
}

function keyOf({ userNid }: Requester, roomId: RoomId): AccountDataKey {
  return { userNid, roomId, type: 'm.tag' }
}

/** The tags of an entry, into which clients may have put anything. */
function tagsIn({ tags }: JsonObject): JsonObject {
  return isJsonObject(tags) ? Object.fromEntries(Object.entries(tags).filter(([, tag]) => isJsonObject(tag))) : {}
}
