import type { ClientConfig } from 'pg'
import { valueParsers } from './value-parsers.ts'

/** The limits of each statement and session, in milliseconds. */
export interface StatementLimits {
  /** How long one statement may run; 30 s when absent. */
  readonly statementTimeoutMs?: number
  /** How long a statement may wait for a lock; 10 s when absent. */
  readonly lockTimeoutMs?: number
  /** How long a transaction may be idle before the server ends its session; 30 s when absent. */
  readonly idleInTransactionTimeoutMs?: number
}

/** How long making a connection may take, in milliseconds. */
export const CONNECT_TIMEOUT_MS = 5_000

/** The settings of every connection that Hearth makes. */
export function clientConfig(url: string, limits: StatementLimits = {}): ClientConfig {
  const statementTimeoutMs = limits.statementTimeoutMs ?? 30_000
  return {
    connectionString: url,
    // Statements are written without waiting for the answers of those before; a failed one does not disturb the others.
    pipeline: true,
    types: valueParsers,
    application_name: 'hearth',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    statement_timeout: statementTimeoutMs,
    lock_timeout: limits.lockTimeoutMs ?? 10_000,
    idle_in_transaction_session_timeout: limits.idleInTransactionTimeoutMs ?? 30_000,
    // The server ends slow statements itself; this one is for a server or a network that has gone silent.
    query_timeout: statementTimeoutMs + 5_000,
    // Compiling a plan costs more than any of these statements; planners misjudge functions that return sets. Plans are kept,
    // perhaps from when a table had one page, and must still be right when it has grown: index lookups are.
    options: ['jit', 'enable_seqscan', 'enable_hashjoin', 'enable_mergejoin'].map((name) => `-c ${name}=off`).join(' '),
  }
}
