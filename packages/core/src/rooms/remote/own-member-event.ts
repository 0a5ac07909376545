import type { SigningKey } from '@hearth/crypto'
import type { JsonObject, RoomId, UserId } from '@hearth/protocol'
import {
  buildEvent,
  checkPduFormat,
  type BuiltEvent,
  type EventDraft,
  type EventReference,
  type RoomVersion,
} from '@hearth/rooms'

/** A membership that a local user takes in a room elsewhere. */
export interface OwnMembership {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly membership: 'join' | 'knock' | 'leave'
  /** The content of the member event, without the membership. */
  readonly content: JsonObject
}

/** Who signs, and when. */
export interface OwnSigner {
  readonly serverName: string
  readonly signingKey: SigningKey
  readonly now: number
}

/**
 * Completes a member event from the template that a resident server gave. Of the template nothing counts but the event's
 * place in the room's graph and, for a restricted join, who vouches for the user; undefined when even that makes no event.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#joining-rooms}
 */
export function ownMemberEvent(
  version: RoomVersion,
  template: JsonObject,
  { roomId, userId, membership, content }: OwnMembership,
  { now, ...signer }: OwnSigner,
): BuiltEvent | undefined {
  const { type, sender, state_key: stateKey, room_id: room, content: proposed } = template
  const isOurs = type === 'm.room.member' && sender === userId && stateKey === userId && room === roomId
  if (!isOurs) return undefined
  const said = proposed as JsonObject | undefined
  if (said?.['membership'] !== membership) return undefined
  const voucher = membership === 'join' ? said['join_authorised_via_users_server'] : undefined
  const draft: EventDraft = {
    type,
    sender,
    state_key: stateKey,
    room_id: room,
    content: {
      ...content,
      membership,
      ...(typeof voucher === 'string' && { join_authorised_via_users_server: voucher }),
    },
    depth: template['depth'] as number,
    origin_server_ts: now,
    prev_events: template['prev_events'] as EventReference[],
    auth_events: template['auth_events'] as EventReference[],
  }
  const fault = checkPduFormat(version, { ...draft, hashes: { sha256: '' }, signatures: {}, ...fakeId(version) })
  if (!fault.valid || !Number.isSafeInteger(draft.depth) || draft.prev_events.length === 0) return undefined
  return buildEvent(version, draft, signer)
}

/** What a draft lacks of an event in room versions 1 and 2, for the check of its format. */
function fakeId({ eventIds }: RoomVersion): JsonObject {
  return eventIds === 'assigned' ? { event_id: '$id:server' } : {}
}
