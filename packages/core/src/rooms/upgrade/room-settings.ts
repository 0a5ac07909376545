import { isJsonObject, MatrixError, type JsonObject, type RoomId } from '@hearth/protocol'
import type { AccountData } from '../../account-data/account-data.ts'
import type { PushRules } from '../../push/push-rules.ts'
import type { LocalUser } from '../../requester.ts'
import { membershipOf } from '../membership-content.ts'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import type { RoomRegistry } from '../room-registry.ts'

/**
 * What users have set for a room and keep when another room takes its place.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-15}
 */
export class RoomSettings {
  readonly #accountData: Pick<AccountData, 'get' | 'set'>
  readonly #pushRules: Pick<PushRules, 'copyRoomRules'>
  readonly #rooms: RoomRegistry
  readonly #events: RoomEvents

  constructor(deps: {
    accountData: Pick<AccountData, 'get' | 'set'>
    pushRules: Pick<PushRules, 'copyRoomRules'>
    rooms: RoomRegistry
    events: RoomEvents
  }) {
    this.#accountData = deps.accountData
    this.#pushRules = deps.pushRules
    this.#rooms = deps.rooms
    this.#events = deps.events
  }

  /**
   * Gives a user who has come into a room the settings that they had for the room before it. What cannot be carried over,
   * because they keep too much already, is left behind.
   */
  async carryOver(user: LocalUser, room: Room): Promise<void> {
    const predecessor = await this.#predecessorOf(room)
    if (!predecessor) return
    try {
      await this.#pushRules.copyRoomRules(user.userNid, predecessor.id, room.id)
      await this.#copyTags(user, predecessor.id, room.id)
      await this.#copyDirect(user, predecessor.id, room.id)
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
    }
  }

  /**
   * Does the same for whoever closes a room and is in the one that is to take its place already: rooms can be replaced by
   * hand, too.
   */
  async followTombstone(user: LocalUser, content: JsonObject): Promise<void> {
    const { replacement_room: roomId } = content
    const room = typeof roomId === 'string' ? await this.#rooms.find(roomId as RoomId) : undefined
    const member = room && (await this.#events.findState(room.head.state, 'm.room.member', user.userId))
    if (membershipOf(member) === 'join') await this.carryOver(user, room!)
  }

  /** The room whose place this one took. Both must say so: anybody can make a room that claims to be another's successor. */
  async #predecessorOf(room: Room): Promise<Room | undefined> {
    const create = await this.#events.findState(room.head.state, 'm.room.create', '')
    const link = create?.pdu.content['predecessor']
    const roomId = isJsonObject(link) ? link['room_id'] : undefined
    const predecessor = typeof roomId === 'string' ? await this.#rooms.find(roomId as RoomId) : undefined
    const tombstone = predecessor && (await this.#events.findState(predecessor.head.state, 'm.room.tombstone', ''))
    return tombstone?.pdu.content['replacement_room'] === room.id ? predecessor : undefined
  }

  async #copyTags({ userNid }: LocalUser, from: RoomId, to: RoomId): Promise<void> {
    const type = 'm.tag'
    const tags = await this.#read({ userNid, roomId: from, type })
    if (!tags || (await this.#read({ userNid, roomId: to, type }))) return
    await this.#accountData.set({ userNid, roomId: to, type }, tags)
  }

  /** Lists the room beside the one before it, among the rooms that are for talking to one person. */
  async #copyDirect({ userNid }: LocalUser, from: RoomId, to: RoomId): Promise<void> {
    const type = 'm.direct'
    const direct = await this.#read({ userNid, type })
    if (!direct) return
    const changed = Object.entries(direct).map(([person, rooms]) => {
      const isDirect = Array.isArray(rooms) && rooms.includes(from) && !rooms.includes(to)
      return [person, isDirect ? [...rooms, to] : rooms] as const
    })
    if (changed.every(([person, rooms]) => direct[person] === rooms)) return
    await this.#accountData.set({ userNid, type }, Object.fromEntries(changed))
  }

  async #read(key: Parameters<AccountData['get']>[0]): Promise<JsonObject | undefined> {
    try {
      return JSON.parse(await this.#accountData.get(key)) as JsonObject
    } catch (error) {
      if (error instanceof MatrixError && error.errcode === 'M_NOT_FOUND') return undefined
      throw error
    }
  }
}
