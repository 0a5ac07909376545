import { deleteAccountDataPerRoom } from './account-data/delete-account-data-per-room.ts'
import { deleteAccountData } from './account-data/delete-account-data.ts'
import { getAccountDataPerRoom } from './account-data/get-account-data-per-room.ts'
import { getAccountData } from './account-data/get-account-data.ts'
import { setAccountDataPerRoom } from './account-data/set-account-data-per-room.ts'
import { setAccountData } from './account-data/set-account-data.ts'
import { getAdminLockUser } from './administration/get-admin-lock-user.ts'
import { getAdminSuspendUser } from './administration/get-admin-suspend-user.ts'
import { getWhoIs } from './administration/get-who-is.ts'
import { setAdminLockUser } from './administration/set-admin-lock-user.ts'
import { setAdminSuspendUser } from './administration/set-admin-suspend-user.ts'
import { changePassword } from './account/change-password.ts'
import { deactivateAccount } from './account/deactivate-account.ts'
import { getAccount3PIDs } from './account/get-account3-pids.ts'
import { requestOpenIdToken } from './account/request-open-id-token.ts'
import { getTokenOwner } from './account/get-token-owner.ts'
import { deleteDevice } from './devices/delete-device.ts'
import { deleteDevices } from './devices/delete-devices.ts'
import { getDevice } from './devices/get-device.ts'
import { getDevices } from './devices/get-devices.ts'
import { updateDevice } from './devices/update-device.ts'
import { deleteRoomAlias } from './directory/delete-room-alias.ts'
import { getRoomIdByAlias } from './directory/get-room-id-by-alias.ts'
import { getPublicRooms } from './directory/get-public-rooms.ts'
import { queryPublicRooms } from './directory/query-public-rooms.ts'
import { getRoomVisibilityOnDirectory } from './directory/get-room-visibility-on-directory.ts'
import { setRoomVisibilityOnDirectory } from './directory/set-room-visibility-on-directory.ts'
import { setRoomAlias } from './directory/set-room-alias.ts'
import { getCapabilities } from './discovery/get-capabilities.ts'
import { getVersions } from './discovery/get-versions.ts'
import { getWellknownSupport } from './discovery/get-wellknown-support.ts'
import { getWellknown } from './discovery/get-wellknown.ts'
import { getEventByTimestamp } from './events/get-event-by-timestamp.ts'
import { getEventContext } from './events/get-event-context.ts'
import { getOneRoomEvent } from './events/get-one-room-event.ts'
import { getRoomEvents } from './events/get-room-events.ts'
import { getRoomStateWithKey } from './events/get-room-state-with-key.ts'
import { getRoomState } from './events/get-room-state.ts'
import { redactEvent } from './events/redact-event.ts'
import { roomInitialSync } from './events/room-initial-sync.ts'
import { sendEvent } from './events/send-event.ts'
import { sendMessage } from './events/send-message.ts'
import { setRoomStateWithKey } from './events/set-room-state-with-key.ts'
import { defineFilter } from './filters/define-filter.ts'
import { getFilter } from './filters/get-filter.ts'
import { legacyBanInTransaction } from './legacy/ban-in-transaction.ts'
import { legacyCreateRoom } from './legacy/create-room.ts'
import { legacyCreateRoomInTransaction } from './legacy/create-room-in-transaction.ts'
import { legacyGetEvents } from './legacy/get-events.ts'
import { legacyGetLoginFlows } from './legacy/get-login-flows.ts'
import { legacyGetMembers } from './legacy/get-members.ts'
import { legacyGetMessages } from './legacy/get-messages.ts'
import { legacyGetOneEvent } from './legacy/get-one-event.ts'
import { legacyGetOneRoomEvent } from './legacy/get-one-room-event.ts'
import { legacyChangePresenceList } from './legacy/change-presence-list.ts'
import { legacyGetPresenceList } from './legacy/get-presence-list.ts'
import { legacyGetPresence } from './legacy/get-presence.ts'
import { legacySetPresence } from './legacy/set-presence.ts'
import { legacyGetPublicRooms } from './legacy/get-public-rooms.ts'
import { legacyGetRegistrationFlows } from './legacy/get-registration-flows.ts'
import { legacyGetRoomState } from './legacy/get-room-state.ts'
import { legacyGetRoomStateWithKey } from './legacy/get-room-state-with-key.ts'
import { legacyInitialSync } from './legacy/initial-sync.ts'
import { legacyInviteUserInTransaction } from './legacy/invite-user-in-transaction.ts'
import { legacyJoinRoomByIdInTransaction } from './legacy/join-room-by-id-in-transaction.ts'
import { legacyJoinRoomInTransaction } from './legacy/join-room-in-transaction.ts'
import { legacyKickInTransaction } from './legacy/kick-in-transaction.ts'
import { legacyLeaveRoomInTransaction } from './legacy/leave-room-in-transaction.ts'
import { legacyLogin } from './legacy/login.ts'
import { legacyRedactEvent } from './legacy/redact-event.ts'
import { legacyRegister } from './legacy/register.ts'
import { legacyRoomInitialSync } from './legacy/room-initial-sync.ts'
import { legacySendEvent } from './legacy/send-event.ts'
import { legacySendMessage } from './legacy/send-message.ts'
import { legacySetRoomStateWithKey } from './legacy/set-room-state-with-key.ts'
import { legacyUnbanInTransaction } from './legacy/unban-in-transaction.ts'
import { generateLoginToken } from './login/generate-login-token.ts'
import { getLoginFlows } from './login/get-login-flows.ts'
import { login } from './login/login.ts'
import { ban } from './membership/ban.ts'
import { forgetRoom } from './membership/forget-room.ts'
import { getJoinedRooms } from './membership/get-joined-rooms.ts'
import { inviteUser } from './membership/invite-user.ts'
import { joinRoomById } from './membership/join-room-by-id.ts'
import { joinRoom } from './membership/join-room.ts'
import { kick } from './membership/kick.ts'
import { knockRoom } from './membership/knock-room.ts'
import { leaveRoom } from './membership/leave-room.ts'
import { unban } from './membership/unban.ts'
import { getAuthFallback } from './pages/get-auth-fallback.ts'
import { submitAuthFallback } from './pages/submit-auth-fallback.ts'
import { loginPage } from './pages/login-page.ts'
import { pageAsset } from './pages/page-asset.ts'
import { registrationPage } from './pages/registration-page.ts'
import { getMutualRooms } from './mutual-rooms/get-mutual-rooms.ts'
import { getPresence } from './presence/get-presence.ts'
import { setPresence } from './presence/set-presence.ts'
import { searchUserDirectory } from './user-directory/search-user-directory.ts'
import { queryMutualRooms } from './mutual-rooms/query-mutual-rooms.ts'
import { deleteProfileField } from './profile/delete-profile-field.ts'
import { getProfileField } from './profile/get-profile-field.ts'
import { getUserProfile } from './profile/get-user-profile.ts'
import { setProfileField } from './profile/set-profile-field.ts'
import { reportEvent } from './reports/report-event.ts'
import { reportRoom } from './reports/report-room.ts'
import { reportUser } from './reports/report-user.ts'
import { getTurnServer } from './voip/get-turn-server.ts'
import { deletePushRule } from './push/delete-push-rule.ts'
import { getPushRuleActions } from './push/get-push-rule-actions.ts'
import { getPushRulesGlobal } from './push/get-push-rules-global.ts'
import { getPushRulesOfKind } from './push/get-push-rules-of-kind.ts'
import { getPushRules } from './push/get-push-rules.ts'
import { getPushRule } from './push/get-push-rule.ts'
import { isPushRuleEnabled } from './push/is-push-rule-enabled.ts'
import { getNoPushRule } from './push/get-no-push-rule.ts'
import { setNoPushRule } from './push/set-no-push-rule.ts'
import { setPushRuleActions } from './push/set-push-rule-actions.ts'
import { setPushRuleEnabled } from './push/set-push-rule-enabled.ts'
import { setPushRule } from './push/set-push-rule.ts'
import { postReceipt } from './receipts/post-receipt.ts'
import { setReadMarker } from './receipts/set-read-marker.ts'
import { checkUsernameAvailability } from './registration/check-username-availability.ts'
import { getSharedSecretNonce } from './registration/get-shared-secret-nonce.ts'
import { registerWithSharedSecret } from './registration/register-with-shared-secret.ts'
import { register } from './registration/register.ts'
import { registrationTokenValidity } from './registration/registration-token-validity.ts'
import { getRelatingEventsWithRelTypeAndEventType } from './relations/get-relating-events-with-rel-type-and-event-type.ts'
import { getRelatingEventsWithRelType } from './relations/get-relating-events-with-rel-type.ts'
import { getRelatingEvents } from './relations/get-relating-events.ts'
import { createRoom } from './rooms/create-room.ts'
import { getJoinedMembersByRoom } from './rooms/get-joined-members-by-room.ts'
import { getLocalAliases } from './rooms/get-local-aliases.ts'
import { getMembersByRoom } from './rooms/get-members-by-room.ts'
import { getRoomSummary } from './rooms/get-room-summary.ts'
import { upgradeRoom } from './rooms/upgrade-room.ts'
import { logoutAll } from './session/logout-all.ts'
import { refresh } from './session/refresh.ts'
import { logout } from './session/logout.ts'
import { getSpaceHierarchy } from './spaces/get-space-hierarchy.ts'
import { getEvents } from './sync/get-events.ts'
import { getOneEvent } from './sync/get-one-event.ts'
import { initialSync } from './sync/initial-sync.ts'
import { sync } from './sync/sync.ts'
import { getThreadRoots } from './threads/get-thread-roots.ts'
import { deleteRoomTag } from './tags/delete-room-tag.ts'
import { getRoomTags } from './tags/get-room-tags.ts'
import { setRoomTag } from './tags/set-room-tag.ts'
import { sendToDevice } from './to-device/send-to-device.ts'
import { setTyping } from './typing/set-typing.ts'
import type { Endpoints } from '@hearth/http'
import type { ClientApiContext } from './context.ts'

/** Every endpoint of the client-server API, of the founding API, and those that Synapse's tools expect. */
export const endpoints = {
  deleteAccountDataPerRoom,
  deleteAccountData,
  getAccountDataPerRoom,
  getAccountData,
  setAccountDataPerRoom,
  setAccountData,
  changePassword,
  deactivateAccount,
  getAccount3PIDs,
  requestOpenIdToken,
  getTokenOwner,
  deleteDevice,
  deleteDevices,
  getDevice,
  getDevices,
  updateDevice,
  deleteRoomAlias,
  getRoomIdByAlias,
  getPublicRooms,
  queryPublicRooms,
  getRoomVisibilityOnDirectory,
  setRoomAlias,
  setRoomVisibilityOnDirectory,
  getCapabilities,
  getVersions,
  getWellknownSupport,
  getWellknown,
  getEventByTimestamp,
  getEventContext,
  getOneRoomEvent,
  getRoomEvents,
  getRoomStateWithKey,
  getRoomState,
  redactEvent,
  roomInitialSync,
  sendEvent,
  sendMessage,
  setRoomStateWithKey,
  defineFilter,
  getFilter,
  legacyBanInTransaction,
  legacyCreateRoom,
  legacyCreateRoomInTransaction,
  legacyGetEvents,
  legacyGetLoginFlows,
  legacyGetMembers,
  legacyGetMessages,
  legacyGetOneEvent,
  legacyGetOneRoomEvent,
  legacyChangePresenceList,
  legacyGetPresenceList,
  legacyGetPresence,
  legacySetPresence,
  legacyGetPublicRooms,
  legacyGetRegistrationFlows,
  legacyGetRoomState,
  legacyGetRoomStateWithKey,
  legacyInitialSync,
  legacyInviteUserInTransaction,
  legacyJoinRoomByIdInTransaction,
  legacyJoinRoomInTransaction,
  legacyKickInTransaction,
  legacyLeaveRoomInTransaction,
  legacyLogin,
  legacyRedactEvent,
  legacyRegister,
  legacyRoomInitialSync,
  legacySendEvent,
  legacySendMessage,
  legacySetRoomStateWithKey,
  legacyUnbanInTransaction,
  generateLoginToken,
  getLoginFlows,
  login,
  ban,
  forgetRoom,
  getJoinedRooms,
  inviteUser,
  joinRoomById,
  joinRoom,
  kick,
  knockRoom,
  leaveRoom,
  unban,
  getAuthFallback,
  submitAuthFallback,
  loginPage,
  pageAsset,
  registrationPage,
  getMutualRooms,
  getPresence,
  setPresence,
  queryMutualRooms,
  searchUserDirectory,
  deleteProfileField,
  getProfileField,
  getUserProfile,
  setProfileField,
  reportEvent,
  reportRoom,
  reportUser,
  getTurnServer,
  deletePushRule,
  getPushRuleActions,
  getPushRulesGlobal,
  getPushRulesOfKind,
  getPushRules,
  getPushRule,
  getNoPushRule,
  setNoPushRule,
  isPushRuleEnabled,
  setPushRuleActions,
  setPushRuleEnabled,
  setPushRule,
  postReceipt,
  setReadMarker,
  checkUsernameAvailability,
  getAdminLockUser,
  getAdminSuspendUser,
  getWhoIs,
  setAdminLockUser,
  setAdminSuspendUser,
  getSharedSecretNonce,
  registerWithSharedSecret,
  register,
  registrationTokenValidity,
  getRelatingEvents,
  getRelatingEventsWithRelType,
  getRelatingEventsWithRelTypeAndEventType,
  createRoom,
  getJoinedMembersByRoom,
  getLocalAliases,
  getMembersByRoom,
  getRoomSummary,
  upgradeRoom,
  logoutAll,
  logout,
  refresh,
  getSpaceHierarchy,
  getEvents,
  getOneEvent,
  initialSync,
  sync,
  getThreadRoots,
  deleteRoomTag,
  getRoomTags,
  setRoomTag,
  sendToDevice,
  setTyping,
} satisfies Endpoints<ClientApiContext>
