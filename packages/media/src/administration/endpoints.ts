import type { Endpoints } from '@hearth/http'
import type { MediaContext } from '../context.ts'
import { deleteMediaByDateSize } from './delete-media-by-date-size.ts'
import { deleteMediaById } from './delete-media-by-id.ts'
import { deleteMediaOfUser } from './delete-media-of-user.ts'
import { listMediaInRoom } from './list-media-in-room.ts'
import { listMediaOfUser } from './list-media-of-user.ts'
import { protectMediaById } from './protect-media-by-id.ts'
import { purgeMediaCache } from './purge-media-cache.ts'
import { quarantineMediaById } from './quarantine-media-by-id.ts'
import { quarantineMediaByUser } from './quarantine-media-by-user.ts'
import { quarantineMediaInRoom } from './quarantine-media-in-room.ts'
import { queryMediaById } from './query-media-by-id.ts'
import { unprotectMediaById } from './unprotect-media-by-id.ts'
import { unquarantineMediaById } from './unquarantine-media-by-id.ts'

/** The administration of files, by operation. */
export const administrationEndpoints = {
  deleteMediaByDateSize,
  deleteMediaById,
  deleteMediaOfUser,
  listMediaInRoom,
  listMediaOfUser,
  protectMediaById,
  purgeMediaCache,
  quarantineMediaById,
  quarantineMediaByUser,
  quarantineMediaInRoom,
  queryMediaById,
  unprotectMediaById,
  unquarantineMediaById,
} satisfies Endpoints<MediaContext>
