import type { Logger } from '@hearth/runtime'
import type { Exchange } from './exchange.ts'

const MAX_PATH_CHARS = 200

/**
 * The one line that each request leaves: who asked for what, and how it ended. Not the target: paths hold what people
 * look for, and queries hold tokens.
 */
export function logRequest(logger: Logger, exchange: Exchange, durationMs: number): void {
  if (!logger.isEnabled('info')) return
  const { requestId, method, operation, status, bytes, ip, subject } = exchange
  logger.info('request', {
    requestId,
    method,
    operation,
    ...(operation === 'unrecognized' && { path: exchange.path.slice(0, MAX_PATH_CHARS) }),
    status,
    ms: Math.round(durationMs * 100) / 100,
    bytes,
    ip,
    ...(subject !== undefined && { user: subject }),
    ...(!exchange.response.writableFinished && { aborted: true }),
  })
}
