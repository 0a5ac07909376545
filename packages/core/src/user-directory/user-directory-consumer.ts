import { localpartOf, serverOf, type JsonObject, type ServerName, type UserId } from '@hearth/protocol'
import type { Pdu } from '@hearth/rooms'
import {
  wellKnownTypes,
  type ConsumedPage,
  type EventRow,
  type Store,
  type StoredChange,
  type StreamConsumer,
  type Tables,
} from '@hearth/store'
import { directoryWords } from './directory-words.ts'

/** Member events that are read at a time. */
const membersAtATime = 500

/**
 * Keeps the words by which people are found, of everybody who is in a room: of users of this server from their profiles, of
 * others from what they are called where they joined last.
 */
export class UserDirectoryConsumer implements StreamConsumer<StoredChange> {
  readonly name = 'user-directory'
  readonly startAt = 'beginning'
  readonly wokenBy = 'state'
  readonly #names: Pick<Store, 'users' | 'servers'>
  readonly #serverName: ServerName

  constructor(deps: { store: Pick<Store, 'users' | 'servers'>; serverName: ServerName }) {
    this.#names = deps.store
    this.#serverName = deps.serverName
  }

  async handle({ changes }: ConsumedPage<StoredChange>, tx: Tables): Promise<void> {
    const members = changes.flatMap((change) =>
      change.kind === 'event' && isMember(change.event) ? [change.event] : [],
    )
    if (members.length === 0) return
    await this.#index(members, tx)
    await this.#indexEntered(members, tx)
    const touched = [...new Set(members.map(({ stateKeyNid }) => stateKeyNid!))]
    const gone = await tx.userDirectory.listGone(touched)
    await tx.userDirectory.replace(new Map(gone.map((stateKeyNid) => [stateKeyNid, []])))
  }

  /** The members of rooms that this server has just come into: their joins are no part of the stream. */
  async #indexEntered(members: readonly EventRow[], tx: Tables): Promise<void> {
    const own = await this.#names.servers.find(this.#serverName)
    if (own === undefined) return
    const places = await tx.roomServers.listByRooms([...new Set(members.map(({ roomNid }) => roomNid))])
    const entered = new Set(members.map(({ streamPos, roomNid }) => `${roomNid} ${streamPos}`))
    // Of a room that no other server ever was in everybody has been seen.
    const shared = new Set(places.filter(({ serverNid }) => serverNid !== own).map(({ roomNid }) => roomNid))
    for (const { roomNid, serverNid, sincePos } of places) {
      if (serverNid !== own || !shared.has(roomNid) || !entered.has(`${roomNid} ${sincePos}`)) continue
      const nids = await tx.currentState.listMemberNids(roomNid, 'join')
      for (let start = 0; start < nids.length; start += membersAtATime) {
        await this.#index(await tx.events.findByNids(nids.slice(start, start + membersAtATime)), tx)
      }
    }
  }

  async #index(members: readonly EventRow[], tx: Tables): Promise<void> {
    const names = new Map<UserId, { stateKeyNid: number; name: unknown }>()
    for (const { stateKeyNid, json } of members) {
      const { state_key: userId, content } = JSON.parse(json) as Pdu
      if (content['membership'] !== 'join') continue
      names.set(userId as UserId, { stateKeyNid: stateKeyNid!, name: content['displayname'] })
    }
    const profiles = await this.#profileNames([...names.keys()], tx)
    await tx.userDirectory.replace(
      new Map(
        [...names].map(([userId, { stateKeyNid, name }]) => {
          const shown = profiles.has(userId) ? profiles.get(userId) : name
          const words = directoryWords(`${localpartOf(userId)} ${typeof shown === 'string' ? shown : ''}`)
          return [stateKeyNid, words]
        }),
      ),
    )
  }

  /** What the users of this server among these call themselves. */
  async #profileNames(userIds: readonly UserId[], tx: Tables): Promise<Map<UserId, unknown>> {
    const local = userIds.filter((userId) => serverOf(userId) === this.#serverName)
    const nids = await this.#names.users.findAll(local)
    const rows = await tx.profiles.findAll([...nids.values()])
    const names = new Map(
      rows.map(({ userNid, fields }) => [userNid, (JSON.parse(fields) as JsonObject)['displayname']]),
    )
    return new Map(local.map((userId) => [userId, names.get(nids.get(userId) ?? -1)]))
  }
}

function isMember({ typeNid, stateKeyNid }: EventRow): boolean {
  return typeNid === wellKnownTypes['m.room.member'] && stateKeyNid !== null
}
