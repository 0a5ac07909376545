import type { Change, RoomRegistry, StreamFeed } from '@hearth/core'
import { serverOf, type ServerName } from '@hearth/protocol'
import type { Logger } from '@hearth/runtime'
import type { FederationSender } from './federation-sender.ts'

export interface ReceiptSenderDeps {
  readonly feed: Pick<StreamFeed, 'listen'>
  readonly rooms: Pick<RoomRegistry, 'findByNid'>
  readonly sender: Pick<FederationSender, 'audiences' | 'isLeading' | 'tell'>
  readonly serverName: ServerName
  readonly logger: Logger
}

type ReceiptChange = Extract<Change, { kind: 'receipt' }>

/** In a large room everybody reads each message: the more servers there are, the more receipts go together. */
const lingerMs = { least: 100, perServer: 10, most: 10_000 }

/**
 * Tells the servers in a room how far our users have read there, as far as it is not private.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#receipts}
 */
export class ReceiptSender {
  readonly #deps: ReceiptSenderDeps

  constructor(deps: ReceiptSenderDeps) {
    this.#deps = deps
    deps.feed.listen((changes) => this.#follow(changes))
  }

  #follow(changes: readonly Change[]): void {
    const { sender, serverName, logger } = this.#deps
    if (!sender.isLeading) return
    for (const change of changes) {
      if (change.kind !== 'receipt' || change.type !== 'm.read' || serverOf(change.userId) !== serverName) continue
      // The next one says as much.
      this.#tell(change).catch((error: unknown) => logger.debug('could not tell servers who has read', { error }))
    }
  }

  async #tell({ roomNid, userId, eventId, threadId, ts }: ReceiptChange): Promise<void> {
    const { sender, rooms } = this.#deps
    const serverNids = await sender.audiences.now([roomNid])
    const room = serverNids.length === 0 ? undefined : await rooms.findByNid(roomNid)
    if (!room) return
    const { least, perServer, most } = lingerMs
    const withinMs = Math.min(Math.max(least, serverNids.length * perServer), most)
    await sender.tell(
      serverNids,
      (edus) => edus.setReceipt({ roomId: room.id, userId, eventId, threadId, ts }),
      withinMs,
    )
  }
}
