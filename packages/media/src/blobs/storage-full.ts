import { MatrixError } from '@hearth/protocol'

const codes: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** What to answer when bytes could not be written: 507 when there is no room for them, else the error as it is. */
export function asStorageError(error: unknown): unknown {
  if (!codes.has((error as NodeJS.ErrnoException | undefined)?.code)) return error
  return new MatrixError('M_UNKNOWN', 'The server has no room for this file', { status: 507, cause: error })
}
