import { forbidden, type JsonObject } from '@hearth/protocol'
import { redact } from '@hearth/rooms'
import type { Store } from '@hearth/store'
import { hidesEvent, type IgnoredUsers } from '../account-data/ignored-users.ts'
import { ClientEvent } from '../events/client-event.ts'
import type { EventSerializer } from '../events/event-serializer.ts'
import { viewerOf, type PresentedEvent } from '../events/presented-event.ts'
import type { Requester } from '../requester.ts'
import type { EventPresenter } from '../rooms/event-presenter.ts'
import { formatToken, parseToken } from '../rooms/position-token.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomAccess } from '../rooms/room-access.ts'
import type { Aggregator } from './aggregator.ts'
import type { VisibleEvents } from './visible-events.ts'

export interface ThreadsRequest {
  readonly requester: Requester
  /** Undefined for one that this server does not know, which is answered like one that is closed to the requester. */
  readonly room: Room | undefined
  readonly include: 'all' | 'participated'
  readonly from?: string | undefined
  readonly limit: number
}

export interface ThreadsPage {
  /** The events that the threads start from. */
  readonly roots: JsonObject[]
  /** Absent when there are no more. */
  readonly nextBatch?: string
}

export interface ThreadsDeps {
  readonly store: Pick<Store, 'threads'>
  readonly access: RoomAccess
  readonly visible: VisibleEvents
  readonly presenter: EventPresenter
  readonly serializer: EventSerializer
  readonly aggregator: Aggregator
  readonly ignoredUsers: IgnoredUsers
}

/** The threads of a room. {@link https://spec.matrix.org/v1.19/client-server-api/#querying-threads-in-a-room} */
export class Threads {
  readonly #deps: ThreadsDeps

  constructor(deps: ThreadsDeps) {
    this.#deps = deps
  }

  /**
   * A page of the threads, those with the latest events first. It may have fewer than there are where the requester may not
   * see all.
   *
   * @throws MatrixError M_FORBIDDEN for those who are not in the room, unless everybody may read it; M_INVALID_PARAM for a
   *   bad token.
   */
  async page({ requester, room, include, from, limit }: ThreadsRequest): Promise<ThreadsPage> {
    const { store, visible, presenter, serializer, aggregator } = this.#deps
    const position = from === undefined ? Infinity : parseToken(from)
    if (!room || !(await this.#isOpenTo(requester, room))) throw forbidden('You are not in this room')
    const upTo = Math.min(position, room.head.lastPos)
    const participantNid = include === 'participated' ? requester.userNid : undefined
    const rows = await store.threads.list(room.nid, { upTo, limit: limit + 1, participantNid })
    const page = rows.slice(0, limit)
    const nids = page.map(({ rootNid }) => rootNid)
    const events = await visible.find(requester, room, nids)
    const [presented] = await presenter.present(requester, [{ room, events }])
    const [bundled] = await aggregator.bundle(requester, [{ room, upTo: room.head.lastPos, events: presented! }])
    const shown = await this.#withoutIgnored(requester, room, bundled!)
    const now = serializer.now()
    const last = page.at(-1)
    return {
      roots: shown.map((event) => event.client.toObject(viewerOf(event, now))),
      ...(rows.length > page.length && last && { nextBatch: formatToken(last.lastPos - 1) }),
    }
  }

  async #isOpenTo({ userId }: Requester, room: Room): Promise<boolean> {
    const { access } = this.#deps
    return (await access.membershipOf(room, userId)) === 'join' || access.isWorldReadable(room)
  }

  /** What ignored users started threads with is shown as if it were redacted. */
  async #withoutIgnored(requester: Requester, room: Room, roots: readonly PresentedEvent[]): Promise<PresentedEvent[]> {
    const ignored = await this.#deps.ignoredUsers.of(requester.userId)
    return roots.map((root) => {
      const { event, aggregations } = root
      if (!hidesEvent(ignored, event)) return root
      const redacted = { ...event, pdu: redact(room.version, event.pdu) }
      const client = new ClientEvent(redacted, room.id)
      return {
        ...root,
        event: redacted,
        client,
        aggregations: aggregations && { ...aggregations, replacement: undefined },
      }
    })
  }
}
