// Made by scripts/generate-schemas.ts from schemas/events/m.room.create.json: change that file and run `npm run schemas`.
import type { EventId, RoomId, UserId } from '../ids.ts'
import type { Schema } from '../schema.ts'

/** The first event of a room, which says what kind of room it is and cannot be changed. */
export interface RoomCreateContent {
  /** Who made the room. In room versions 1 to 10 only; from 11 on it is the sender. */
  creator?: UserId
  /** The version of the room; 1 if absent. */
  room_version?: string
  /** What the room is for, such as m.space; an ordinary room if absent. */
  type?: string
  /** Whether users of other servers may join; true if absent. */
  'm.federate'?: boolean
  /** The room that this one replaces. */
  predecessor?: {
    /** The replaced room. */
    room_id: RoomId
    /** Its last known event. */
    event_id?: EventId
    [k: string]: unknown
  }
  /**
   * Users with the same standing as the sender. From room version 12 on, whose rules check it; anything before.
   */
  additional_creators?: unknown
  [k: string]: unknown
}

/** Accepts the content of m.room.create. */
export const roomCreateContent: Schema<RoomCreateContent> = {
  type: 'object',
  properties: {
    creator: { type: 'string', format: 'mx-user-id' },
    room_version: { type: 'string' },
    type: { type: 'string' },
    'm.federate': { type: 'boolean' },
    predecessor: {
      type: 'object',
      properties: {
        room_id: { type: 'string', format: 'mx-room-id' },
        event_id: { type: 'string', format: 'mx-event-id' },
      },
      required: ['room_id'],
    },
    additional_creators: {},
  },
}
