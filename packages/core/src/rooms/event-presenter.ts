import { redact } from '@hearth/rooms'
import type { Store } from '@hearth/store'
import type { ErasedUsers } from '../accounts/erased-users.ts'
import { ClientEvent } from '../events/client-event.ts'
import type { EventSerializer } from '../events/event-serializer.ts'
import type { PresentedEvent } from '../events/presented-event.ts'
import type { Requester } from '../requester.ts'
import { membershipOf } from './membership-content.ts'
import type { Room } from './room.ts'
import type { RoomEvents } from './room-events.ts'
import type { ScanResult } from './timeline-scan.ts'

/** Makes what a scan found ready for the device that reads it. */
export class EventPresenter {
  readonly #store: Store
  readonly #events: RoomEvents
  readonly #serializer: EventSerializer
  readonly #erasedUsers: ErasedUsers

  constructor(deps: { store: Store; events: RoomEvents; serializer: EventSerializer; erasedUsers: ErasedUsers }) {
    this.#store = deps.store
    this.#events = deps.events
    this.#serializer = deps.serializer
    this.#erasedUsers = deps.erasedUsers
  }

  /** The events of each scan, in its order; of those that the reader was not joined at, what erasures leave of them. */
  async present(
    requester: Requester,
    scans: readonly Pick<ScanResult, 'room' | 'events'>[],
  ): Promise<PresentedEvent[][]> {
    const rows = scans.flatMap(({ room, events }) => events.flatMap(({ row }) => (row ? [{ room, row }] : [])))
    const own = rows.filter(({ row }) => row.senderNid === requester.userNid).map(({ row }) => row.nid)
    const [serialized, transactions, erased] = await Promise.all([
      this.#serializer.serializeRows(rows),
      this.#store.clientTransactions.findIds(requester.deviceNid, own),
      this.#erasedUsers.all(),
    ])
    const clients = new Map(rows.map(({ row }, index) => [row.nid, serialized[index]!]))
    return scans.map(({ room, events }) =>
      events.map(({ entry, row, pos, nid, stateNid, event, membership }): PresentedEvent => {
        const isState = event.pdu.state_key !== undefined
        const transaction = entry?.transaction
        const presented = {
          pos,
          nid,
          stateNid,
          stateBeforeNid: entry?.stateBeforeNid ?? (isState ? undefined : stateNid),
          currentStateNid: entry?.currentStateNid ?? row?.currentStateNid ?? undefined,
          event,
          client: entry?.client ?? clients.get(nid)!,
          membership,
          transactionId: transaction?.deviceNid === requester.deviceNid ? transaction.txnId : transactions.get(nid),
        }
        return isWithheld(presented, erased) ? pruned(room, presented) : presented
      }),
    )
  }

  /** Member events of the reader in a room. */
  async presentMembership(requester: Requester, room: Room, nids: readonly number[]): Promise<PresentedEvent[]> {
    const rows = await this.#store.events.findByNids(nids)
    const events = rows.map((row) => {
      const event = this.#events.parse(row)
      const { nid, streamPos, stateNid } = row
      const membership = membershipOf(event) ?? 'leave'
      return { pos: streamPos ?? nid, nid, stateNid: stateNid ?? room.head.stateNid, event, row, membership }
    })
    const [presented] = await this.present(requester, [{ room, events }])
    return presented!
  }
}

/**
 * Whether an erasure keeps an event from its reader, who was not joined at it. Of state that is what the erased user showed
 * of themselves: without the rest the room itself would be another one to those who come later.
 */
function isWithheld({ event: { pdu }, membership }: PresentedEvent, erased: ReadonlySet<string>): boolean {
  if (erased.size === 0 || membership === 'join' || !erased.has(pdu.sender)) return false
  return pdu.state_key === undefined || (pdu.type === 'm.room.member' && pdu.state_key === pdu.sender)
}

/** The same as if it were redacted. */
function pruned(room: Room, presented: PresentedEvent): PresentedEvent {
  const event = { ...presented.event, pdu: redact(room.version, presented.event.pdu) }
  return { ...presented, event, client: new ClientEvent(event, room.id, { isPruned: true }) }
}
