import { Mailboxes } from './send/mailbox.ts'

/** Works off items of one room, as `MailboxesOptions.work`. */
export type RoomWorker<Item> = (roomNid: number, batch: Item[]) => Promise<readonly Item[]>

/** The way into rooms' mailboxes for one kind of work. */
export interface RoomInbox<Item> {
  /** Adds items; false, and nothing is added, when the room has too much waiting already. */
  post(roomNid: number, ...items: readonly Item[]): boolean
}

interface Task {
  readonly worker: RoomWorker<unknown>
  readonly item: unknown
}

/** How many items are worked off together: what a transaction of another server holds at most. */
const maxBatch = 50
const maxWaiting = 1_000

/**
 * The mailbox of each room, which alone moves the room's head in this process: what local users send and what comes from
 * other servers take turns in it.
 */
export class RoomMailboxes {
  readonly #mailboxes = new Mailboxes<Task>({ maxBatch, maxWaiting, work })

  /** Adds a kind of work. */
  register<Item>(worker: RoomWorker<Item>): RoomInbox<Item> {
    const task = { worker: worker as RoomWorker<unknown> }
    return {
      post: (roomNid, ...items) => this.#mailboxes.post(roomNid, ...items.map((item) => ({ ...task, item }))),
    }
  }
}

/** Hands on what comes first and is of one kind. */
async function work(roomNid: number, batch: readonly Task[]): Promise<readonly Task[]> {
  const { worker } = batch[0]!
  const end = batch.findIndex((task) => task.worker !== worker)
  const first = end === -1 ? batch : batch.slice(0, end)
  const again = await worker(
    roomNid,
    first.map(({ item }) => item),
  )
  return [...again.map((item) => ({ worker, item })), ...batch.slice(first.length)]
}
