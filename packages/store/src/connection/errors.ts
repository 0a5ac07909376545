import { Unavailable } from '@hearth/runtime'
import { DatabaseError } from 'pg'

/**
 * The database cannot answer now: away, restarting, out of connections or disk, or too slow. Transports answer 503.
 *
 * `outcome` says what became of the statement: `none` when it has certainly had no effect, `unknown` when the connection
 * was lost while it ran, so that it may have been committed.
 */
export class DatabaseUnavailable extends Unavailable {
  readonly outcome: 'none' | 'unknown'

  constructor(message: string, options: ErrorOptions & { readonly outcome: 'none' | 'unknown' }) {
    super(message, options)
    this.outcome = options.outcome
  }
}

/** The database answers, but Hearth cannot work with it. The message says how to put that right. */
export class UnsuitableDatabase extends Error {
  override readonly name = 'UnsuitableDatabase'
}

/** SQLSTATE codes that callers tell apart (https://www.postgresql.org/docs/18/errcodes-appendix.html). */
export const sqlState = {
  uniqueViolation: '23505',
  foreignKeyViolation: '23503',
  checkViolation: '23514',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
} as const

/** Tells whether the error is PostgreSQL's answer with this SQLSTATE, of this constraint when one is given. */
export function isSqlError(error: unknown, code: string, constraint?: string): error is DatabaseError {
  return (
    error instanceof DatabaseError &&
    error.code === code &&
    (constraint === undefined || error.constraint === constraint)
  )
}

const socketCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
])

// `pg` and `pg-pool` know these failures by their text alone.
const driverTexts =
  /^Connection terminated|^Client has encountered a connection error|^Client was closed|^Query read timeout|^timeout exceeded when trying to connect|^Cannot use a pool after calling end|^timeout expired/

/** Tells whether the connection was lost, or could not be made, for a reason that may pass. */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof DatabaseError) {
    // Class 08: connection exceptions. 57P01 to 57P05: the server stops, crashed, starts, or cut an idle session.
    return /^(08|57P0)/.test(error.code ?? '') || error.code === '53300' || error.severity === 'PANIC'
  }
  if (!(error instanceof Error)) return false
  const code = (error as NodeJS.ErrnoException).code
  // A host name with several addresses fails with an error that holds one error for each.
  if (error instanceof AggregateError) return error.errors.some(isConnectionLoss)
  return (code !== undefined && socketCodes.has(code)) || driverTexts.test(error.message)
}

/** Tells whether the server refused or gave up a statement because it is overloaded or full. */
function isOverload(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false
  const code = error.code ?? ''
  // Class 53: disk full, out of memory. 57014: statement_timeout. 55P03: lock_timeout.
  return code.startsWith('53') || code === '57014' || code === '55P03'
}

/** A prepared statement's plan no longer fits the tables: another process has migrated them since. */
export function isStalePlan(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '0A000' && error.routine === 'RevalidateCachedQuery'
}

/** The error to show to callers for one that a statement in flight ended with. */
export function asCallerError(error: unknown): unknown {
  if (error instanceof DatabaseUnavailable) return error
  if (isConnectionLoss(error)) {
    return new DatabaseUnavailable('the connection to the database was lost', { cause: error, outcome: 'unknown' })
  }
  if (isOverload(error)) {
    const reason = (error as Error).message
    return new DatabaseUnavailable(`the database gave up a statement: ${reason}`, { cause: error, outcome: 'none' })
  }
  return error
}
