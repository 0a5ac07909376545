import type { RoomRegistry, Typing } from '@hearth/core'
import { serverOf, type ServerName, type UserId } from '@hearth/protocol'
import type { Clock, Logger, Timer } from '@hearth/runtime'
import type { FederationSender } from './federation-sender.ts'

export interface TypingSenderDeps {
  readonly typing: Typing
  readonly rooms: Pick<RoomRegistry, 'findByNid'>
  readonly sender: Pick<FederationSender, 'audiences' | 'isLeading' | 'tell'>
  readonly serverName: ServerName
  readonly clock: Clock
  readonly logger: Logger
}

interface Typist {
  readonly roomNid: number
  readonly userId: UserId
}

/** Servers that hear nothing more take somebody's typing for over, after a minute or so. */
const repeatMs = 40_000

/** Tells the servers in a room which of our users type there. {@link https://spec.matrix.org/v1.19/server-server-api/#typing-notifications} */
export class TypingSender {
  readonly #deps: TypingSenderDeps
  readonly #typists = new Map<string, Typist>()
  #timer: Timer | undefined

  constructor(deps: TypingSenderDeps) {
    this.#deps = deps
    deps.typing.listen(({ roomNid, userId, isTyping }) => {
      if (serverOf(userId) === deps.serverName) this.#take({ roomNid, userId }, isTyping)
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #take(typist: Typist, isTyping: boolean): void {
    const key = `${typist.roomNid} ${typist.userId}`
    if (isTyping) this.#typists.set(key, typist)
    else this.#typists.delete(key)
    this.#tell(typist, isTyping)
    if (this.#typists.size > 0) this.#repeatLater()
  }

  #repeatLater(): void {
    this.#timer ??= this.#deps.clock.setTimer(repeatMs, () => {
      this.#timer = undefined
      for (const typist of this.#typists.values()) this.#tell(typist, true)
      if (this.#typists.size > 0) this.#repeatLater()
    })
  }

  #tell({ roomNid, userId }: Typist, isTyping: boolean): void {
    // Every process knows who types.
    if (!this.#deps.sender.isLeading) return
    const tell = async (): Promise<void> => {
      const { sender, rooms } = this.#deps
      const serverNids = await sender.audiences.now([roomNid])
      const room = serverNids.length === 0 ? undefined : await rooms.findByNid(roomNid)
      if (room) await sender.tell(serverNids, (edus) => edus.setTyping(room.id, userId, isTyping), 0)
    }
    // It is worth nothing later.
    tell().catch((error: unknown) => this.#deps.logger.debug('could not tell servers who types', { error }))
  }
}
