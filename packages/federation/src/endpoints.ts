import type { Endpoints } from '@hearth/http'
import { backfillRoom } from './backfill/backfill-room.ts'
import { getMissingPreviousEvents } from './backfill/get-missing-previous-events.ts'
import type { FederationContext } from './context.ts'
import { getWellKnown } from './discovery/get-well-known.ts'
import { getEventAuth } from './events/get-event-auth.ts'
import { getEventByTimestamp } from './events/get-event-by-timestamp.ts'
import { getEvent } from './events/get-event.ts'
import { getRoomStateIds } from './events/get-room-state-ids.ts'
import { getRoomState } from './events/get-room-state.ts'
import { sendInviteV1 } from './invites/send-invite-v1.ts'
import { sendInviteV2 } from './invites/send-invite-v2.ts'
import { makeJoin } from './joins/make-join.ts'
import { sendJoinV1 } from './joins/send-join-v1.ts'
import { sendJoinV2 } from './joins/send-join-v2.ts'
import { bulkPerspectivesKeyQuery } from './keys/bulk-perspectives-key-query.ts'
import { getServerKey } from './keys/get-server-key.ts'
import { perspectivesKeyQuery } from './keys/perspectives-key-query.ts'
import { makeKnock } from './knocks/make-knock.ts'
import { sendKnock } from './knocks/send-knock.ts'
import { makeLeave } from './leaving/make-leave.ts'
import { sendLeaveV1 } from './leaving/send-leave-v1.ts'
import { sendLeaveV2 } from './leaving/send-leave-v2.ts'
import { exchangeOpenIdToken } from './openid/exchange-open-id-token.ts'
import { getPublicRooms } from './public-rooms/get-public-rooms.ts'
import { queryPublicRooms } from './public-rooms/query-public-rooms.ts'
import { queryProfile } from './query/query-profile.ts'
import { queryRoomDirectory } from './query/query-room-directory.ts'
import { getSpaceHierarchy } from './spaces/get-space-hierarchy.ts'
import { exchangeThirdPartyInvite } from './third-party-invites/exchange-third-party-invite.ts'
import { onBindThirdPartyIdentifierByPost } from './third-party-invites/on-bind-third-party-identifier-by-post.ts'
import { onBindThirdPartyIdentifier } from './third-party-invites/on-bind-third-party-identifier.ts'
import { sendTransaction } from './transactions/send-transaction.ts'
import { getVersion } from './version/get-version.ts'

/** Every endpoint of the server-server API, by its operationId. */
export const endpoints = {
  backfillRoom,
  bulkPerspectivesKeyQuery,
  exchangeOpenIdToken,
  exchangeThirdPartyInvite,
  getEvent,
  getEventAuth,
  getEventByTimestamp,
  getMissingPreviousEvents,
  getPublicRooms,
  getRoomState,
  getRoomStateIds,
  getServerKey,
  getSpaceHierarchy,
  getVersion,
  getWellKnown,
  makeJoin,
  makeKnock,
  makeLeave,
  onBindThirdPartyIdentifier,
  onBindThirdPartyIdentifierByPost,
  perspectivesKeyQuery,
  queryProfile,
  queryPublicRooms,
  queryRoomDirectory,
  sendInviteV1,
  sendInviteV2,
  sendJoinV1,
  sendJoinV2,
  sendKnock,
  sendLeaveV1,
  sendLeaveV2,
  sendTransaction,
} satisfies Endpoints<FederationContext>
