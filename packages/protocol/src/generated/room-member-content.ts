// Made by scripts/generate-schemas.ts from schemas/events/m.room.member.json: change that file and run `npm run schemas`.
import type { UserId } from '../ids.ts'
import type { Schema } from '../schema.ts'

/** The membership of the user whom the state key names. */
export interface RoomMemberContent {
  /** What the user is to the room. */
  membership: 'invite' | 'join' | 'knock' | 'leave' | 'ban'
  /** The user's display name. */
  displayname?: string | null
  /** The user's avatar, an mxc URI. */
  avatar_url?: string | null
  /** Whether an invitation is to a direct chat. */
  is_direct?: boolean
  /** Why the membership changed, in words. */
  reason?: string
  /** The user by whose power to invite a restricted join is allowed. */
  join_authorised_via_users_server?: UserId
  /** What an invitation by third-party identifier was made of. */
  third_party_invite?: {
    /** A name for the user in place of the identifier. */
    display_name?: string
    /** The identity server's word on whom the identifier belongs to. */
    signed: {
      /** The user who is invited. */
      mxid: UserId
      /** The state key of the m.room.third_party_invite event. */
      token: string
      /** Signatures by server name and key id. */
      signatures: {
        [k: string]: {
          [k: string]: string
        }
      }
      [k: string]: unknown
    }
    [k: string]: unknown
  }
  [k: string]: unknown
}

/** Accepts the content of m.room.member. */
export const roomMemberContent: Schema<RoomMemberContent> = {
  type: 'object',
  properties: {
    membership: { type: 'string', enum: ['invite', 'join', 'knock', 'leave', 'ban'] },
    displayname: { type: ['string', 'null'] },
    avatar_url: { type: ['string', 'null'] },
    is_direct: { type: 'boolean' },
    reason: { type: 'string' },
    join_authorised_via_users_server: { type: 'string', format: 'mx-user-id' },
    third_party_invite: {
      type: 'object',
      properties: {
        display_name: { type: 'string' },
        signed: {
          type: 'object',
          properties: {
            mxid: { type: 'string', format: 'mx-user-id' },
            token: { type: 'string' },
            signatures: {
              type: 'object',
              additionalProperties: { type: 'object', additionalProperties: { type: 'string' } },
            },
          },
          required: ['mxid', 'token', 'signatures'],
        },
      },
      required: ['signed'],
    },
  },
  required: ['membership'],
}
