import { serverOf, type JsonObject, type ServerName, type UserId } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import type { IgnoredUsers } from '../account-data/ignored-users.ts'
import type { Profiles } from '../profiles/profiles.ts'
import type { Requester } from '../requester.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import { directoryWords } from './directory-words.ts'

export interface DirectorySearch {
  readonly term: string
  readonly limit: number
}

/** Somebody who was found. */
export interface FoundUser {
  readonly user_id: UserId
  readonly display_name?: string
  readonly avatar_url?: string
}

const maxLimit = 50
/** A term of more words is for nobody's name. */
const maxWords = 8

/**
 * Finds people by the beginnings of the words of their names and user ids: those whom somebody shares a room with, and those
 * in rooms that anybody may join or read.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#user-directory}
 */
export class UserDirectory {
  readonly #deps: {
    readonly store: Store
    readonly events: RoomEvents
    readonly profiles: Pick<Profiles, 'memberContents'>
    readonly ignoredUsers: IgnoredUsers
    readonly serverName: ServerName
  }

  constructor(deps: {
    store: Store
    events: RoomEvents
    profiles: Pick<Profiles, 'memberContents'>
    ignoredUsers: IgnoredUsers
    serverName: ServerName
  }) {
    this.#deps = deps
  }

  /** Up to `limit` users, at most 50, and whether there are more. */
  async search(
    requester: Requester,
    { term, limit }: DirectorySearch,
  ): Promise<{ results: FoundUser[]; limited: boolean }> {
    const { store, serverName, ignoredUsers } = this.#deps
    // Of a user id only what stands before the server: the users of a server are no answer to any question.
    const [, localpart] = /^@?([^:\s]+):\S*$/.exec(term.trim()) ?? []
    const words = directoryWords(localpart ?? term).slice(0, maxWords)
    const most = Math.min(limit, maxLimit)
    if (words.length === 0 || most < 1) return { results: [], limited: false }
    const rows = await store.userDirectory.search({
      words,
      userNid: requester.userNid,
      stateKeyNid: await store.stateKeys.intern(requester.userId),
      ownServerNid: await store.servers.intern(serverName),
      limit: most + 1,
    })
    const ignored = await ignoredUsers.of(requester.userId)
    const found = await this.#shown(rows.map(({ nid }) => nid))
    const prefix = localpart === undefined ? '' : `@${term.trim().replace(/^@/, '')}`
    const results = found.filter((user) => {
      // What somebody is called in a room that the one who looks is not in is not for them.
      const known = directoryWords(`${user.user_id.slice(1, user.user_id.indexOf(':'))} ${user.display_name ?? ''}`)
      const isFound = words.every((word) => known.some((each) => each.startsWith(word)))
      return isFound && user.user_id.startsWith(prefix) && !ignored.has(user.user_id)
    })
    return { results: results.slice(0, most), limited: rows.length > most }
  }

  /** Users as their profiles show them; those of other servers as they are called where they can be seen. */
  async #shown(nids: readonly number[]): Promise<FoundUser[]> {
    const { events, profiles, serverName } = this.#deps
    const members = await events.findByNids(nids)
    const userIds = [...members.values()].map(({ pdu }) => pdu.state_key as UserId)
    const local = await profiles.memberContents(userIds)
    return nids.flatMap((nid) => {
      const pdu = members.get(nid)?.pdu
      if (!pdu) return []
      const userId = pdu.state_key as UserId
      const shown = serverOf(userId) === serverName ? (local.get(userId) ?? {}) : pdu.content
      return [foundUser(userId, shown)]
    })
  }
}

function foundUser(userId: UserId, { displayname, avatar_url: avatarUrl }: JsonObject): FoundUser {
  return {
    user_id: userId,
    ...(typeof displayname === 'string' && { display_name: displayname }),
    ...(typeof avatarUrl === 'string' && { avatar_url: avatarUrl }),
  }
}
