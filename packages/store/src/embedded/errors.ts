/** The embedded PostgreSQL cannot be started. The message says how to put that right. */
export class EmbeddedDatabaseError extends Error {
  override readonly name = 'EmbeddedDatabaseError'
}

/** Why a program could not be run, with what usually is behind it. */
export function programFailure(error: NodeJS.ErrnoException): string {
  // The program is there, but not what would load it.
  if (error.code === 'ENOENT')
    return `${error.message}: it needs the GNU C library, which Alpine, for one, does not have`
  return error.message
}
