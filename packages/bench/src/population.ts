import { randomBytes } from 'node:crypto'

import type { HttpClient } from './client/http-client.ts'
import { MatrixClient } from './client/matrix-client.ts'
import { register } from './client/registration.ts'
import type { RegistrationOptions } from './client/registration.ts'
import { mapConcurrently } from './load/concurrency.ts'
import type { Scale } from './scale.ts'

/** As much preparation at once as a server with two cores can use. */
const preparationConcurrency = 8

/** Rooms of 6 or 7 members: five or six senders, and one member who only watches. */
export interface SmallRooms {
  /** Each sender with the rooms it is in. */
  readonly senders: readonly { readonly client: MatrixClient; readonly rooms: readonly string[] }[]
  /** Together they see every room once. */
  readonly observers: readonly MatrixClient[]
}

/** One room of many members. */
export interface LargeRoom {
  readonly roomId: string
  readonly sender: MatrixClient
  readonly members: readonly MatrixClient[]
}

/** The accounts and rooms that the scenarios share. Each is made when the first scenario asks for it. */
export class Population {
  /** One for each process of the server. */
  readonly #https: readonly HttpClient[]
  readonly #registration: RegistrationOptions
  readonly #scale: Scale
  readonly #names = `bench${randomBytes(4).toString('hex')}`
  #registered = 0
  #smallRooms: Promise<SmallRooms> | undefined
  #largeRoom: Promise<LargeRoom> | undefined

  constructor(deps: { https: readonly HttpClient[]; registration: RegistrationOptions; scale: Scale }) {
    this.#https = deps.https
    this.#registration = deps.registration
    this.#scale = deps.scale
  }

  /** An account with its name and password, for those who want to log in again. */
  async account(): Promise<{ client: MatrixClient; name: string; password: string }> {
    const name = `${this.#names}x${this.#registered++}`
    const password = randomBytes(12).toString('base64url')
    // Each device stays with one process, as behind a balancer that keeps connections.
    const http = this.#https[this.#registered % this.#https.length]!
    const session = await register(http, { name, password }, this.#registration)
    return { client: new MatrixClient(http, session), name, password }
  }

  async clients(count: number): Promise<MatrixClient[]> {
    const accounts = Array.from({ length: count }, () => this.account.bind(this))
    return mapConcurrently(accounts, preparationConcurrency, async (make) => (await make()).client)
  }

  smallRooms(): Promise<SmallRooms> {
    return (this.#smallRooms ??= this.#makeSmallRooms())
  }

  largeRoom(): Promise<LargeRoom> {
    return (this.#largeRoom ??= this.makeLargeRoom(this.#scale.largeRoomMembers))
  }

  /** A public room of the given size; its creator is not among `members`. */
  async makeLargeRoom(size: number): Promise<LargeRoom> {
    const [sender, ...members] = (await this.clients(size + 1)) as [MatrixClient, ...MatrixClient[]]
    const roomId = await sender.createRoom()
    await mapConcurrently(members, preparationConcurrency, (member) => member.join(roomId))
    return { roomId, sender, members }
  }

  async #makeSmallRooms(): Promise<SmallRooms> {
    const { rooms: roomCount, senders: senderCount } = this.#scale
    const observerCount = Math.max(1, Math.round(roomCount / 10))
    const clients = await this.clients(senderCount + observerCount)
    const senders = clients.slice(0, senderCount).map((client) => ({ client, rooms: [] as string[] }))
    const observers = clients.slice(senderCount)
    await mapConcurrently(Array.from({ length: roomCount }), preparationConcurrency, async (_, index) => {
      const size = Math.min(senderCount, 5 + (index % 2))
      // Consecutive senders from a moving start: every sender gets its share of the rooms, and no two rooms the same.
      const chosen = Array.from({ length: size }, (_member, offset) => senders[(index * 5 + offset) % senderCount])
      const [creator, ...others] = chosen as [(typeof senders)[0], ...typeof senders]
      const roomId = await creator.client.createRoom()
      for (const { client } of others) await client.join(roomId)
      await observers[index % observerCount]?.join(roomId)
      for (const sender of [creator, ...others]) sender.rooms.push(roomId)
    })
    return { senders, observers }
  }
}
