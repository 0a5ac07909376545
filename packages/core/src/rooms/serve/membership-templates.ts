import {
  forbidden,
  MatrixError,
  serverOf,
  type EventId,
  type JsonObject,
  type RoomId,
  type ServerName,
  type UserId,
} from '@hearth/protocol'
import { authorize, authTypesFor, referenceTo, stateTupleKey, type EventDraft, type Pdu } from '@hearth/rooms'
import type { RoomEvent, RoomVersionId } from '@hearth/rooms'
import type { Clock } from '@hearth/runtime'
import type { RestrictedJoins } from '../restricted-joins.ts'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import type { ResidentRooms } from './resident-rooms.ts'

export type TemplateMembership = 'join' | 'knock' | 'leave'

export interface TemplateRequest {
  readonly origin: ServerName
  readonly roomId: RoomId
  /** Whose membership is to change: a user of the origin. */
  readonly userId: UserId
  readonly membership: TemplateMembership
  /** The room versions that the origin supports; all of them when absent. */
  readonly versions?: readonly string[] | undefined
}

/** An event that only lacks its hashes and signatures. */
export interface MembershipTemplate {
  readonly roomVersion: RoomVersionId
  readonly event: EventDraft
}

/** The limit of the event format. */
const maxPrevEvents = 20

/**
 * Prepares the member events of users of other servers, who need somebody in the room to say what it is like.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#joining-rooms}
 */
export class MembershipTemplates {
  readonly #deps: {
    readonly residentRooms: ResidentRooms
    readonly events: RoomEvents
    readonly restrictedJoins: RestrictedJoins
    readonly serverName: ServerName
    readonly clock: Clock
  }

  constructor(deps: {
    residentRooms: ResidentRooms
    events: RoomEvents
    restrictedJoins: RestrictedJoins
    serverName: ServerName
    clock: Clock
  }) {
    this.#deps = deps
  }

  /**
   * The event that would make a user join, knock or leave, on top of the room as it is.
   *
   * @throws MatrixError M_FORBIDDEN for users of other servers than the origin and where the room's rules refuse the event;
   *   M_NOT_FOUND for a room that this server is not in; M_INCOMPATIBLE_ROOM_VERSION, with `room_version`, for one that the
   *   origin does not support; M_UNABLE_TO_AUTHORISE_JOIN, M_UNABLE_TO_GRANT_JOIN.
   */
  async make({ origin, roomId, userId, membership, versions }: TemplateRequest): Promise<MembershipTemplate> {
    if (serverOf(userId) !== origin) throw forbidden('A server asks for its own users only')
    const room = await this.#deps.residentRooms.get(roomId, origin)
    const roomVersion = room.version.id
    if (versions && !versions.includes(roomVersion)) {
      throw new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', 'Your server does not support the version of this room', {
        fields: { room_version: roomVersion },
      })
    }
    const authorisation = membership === 'join' ? await this.#authorisation(room, userId) : {}
    return { roomVersion, event: await this.#draft(room, userId, { membership, ...authorisation }) }
  }

  #authorisation(room: Room, userId: UserId): Promise<JsonObject> {
    const { restrictedJoins, events } = this.#deps
    const find = (type: string, stateKey: string) => events.findState(room.head.state, type, stateKey)
    return restrictedJoins.authorisationOfRemote({ room, find }, userId)
  }

  async #draft(room: Room, userId: UserId, content: JsonObject): Promise<EventDraft> {
    const { events, serverName, clock } = this.#deps
    const { version, head } = room
    const subject = { type: 'm.room.member', sender: userId, state_key: userId, content }
    const auth = new Map<string, RoomEvent>()
    for (const [type, stateKey] of authTypesFor(version, subject)) {
      const event = await events.findState(head.state, type, stateKey)
      if (event) auth.set(stateTupleKey(type, stateKey), event)
    }
    const draft: EventDraft = {
      ...subject,
      room_id: room.id,
      depth: Math.min(head.depth + 1, Number.MAX_SAFE_INTEGER),
      origin: serverName,
      origin_server_ts: clock.now(),
      prev_events: head.extremities.slice(0, maxPrevEvents).map(({ event }) => referenceTo(version, event)),
      auth_events: [...auth.values()].map((event) => referenceTo(version, event)),
    }
    const create = await events.findState(head.state, 'm.room.create', '')
    const verdict = authorize(version, { eventId: '' as EventId, pdu: draft as Pdu }, (type, stateKey) =>
      type === 'm.room.create' ? create : auth.get(stateTupleKey(type, stateKey)),
    )
    if (!verdict.allowed) throw forbidden(verdict.reason)
    return draft
  }
}
