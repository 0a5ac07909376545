import { base } from './0001-base.ts'
import { events } from './0002-events.ts'
import { accounts } from './0003-accounts.ts'
import { directory } from './0004-directory.ts'
import { jobs } from './0005-jobs.ts'
import { credentials } from './0005b-credentials.ts'
import { people } from './0006-people.ts'
import { receipts } from './0007-receipts.ts'
import { unreadCounts } from './0008-unread-counts.ts'
import { rooms } from './0009-rooms.ts'
import { publicRooms } from './0010-public-rooms.ts'
import { relations } from './0011-relations.ts'
import { toDevice } from './0012-to-device.ts'
import { presenceLists } from './0013-presence-lists.ts'
import { erasures } from './0015-erasures.ts'
import { serverKeys } from './0020-server-keys.ts'
import { receivedEvents } from './0021-received-events.ts'
import { inboundStaging } from './0021b-inbound-staging.ts'
import { outsideMemberships } from './0022-outside-memberships.ts'
import { federationSending } from './0023-federation-sending.ts'
import { backfill } from './0024-backfill.ts'
import { media } from './0030-media.ts'
import { urlPreviews } from './0031-url-previews.ts'
import { processes } from './0032-processes.ts'
import { userDirectory } from './0035-user-directory.ts'
import { failingServers } from './0041-failing-servers.ts'
import { moderatedAccounts } from './0042-moderated-accounts.ts'
import { spaceWalks } from './0043-space-walks.ts'
import type { Migration } from './migration.ts'

/** Every step of the schema, in order. */
export const migrations: readonly Migration[] = [
  base,
  events,
  accounts,
  directory,
  jobs,
  credentials,
  people,
  receipts,
  unreadCounts,
  rooms,
  publicRooms,
  relations,
  toDevice,
  presenceLists,
  erasures,
  serverKeys,
  receivedEvents,
  inboundStaging,
  outsideMemberships,
  federationSending,
  backfill,
  media,
  urlPreviews,
  processes,
  userDirectory,
  failingServers,
  moderatedAccounts,
  spaceWalks,
]
