import { MatrixError } from '@hearth/protocol'
import { Unavailable } from '@hearth/runtime'
import { Answer } from './answer.ts'

/** Tells whether an error is one that the other side may see, rather than a bug. */
export function isExpected(error: unknown): error is MatrixError | Unavailable {
  return error instanceof MatrixError || error instanceof Unavailable
}

/** The answer to a request that failed. A bug is answered without detail. */
export function errorAnswer(error: unknown): Answer<Record<string, unknown>> {
  if (error instanceof MatrixError) {
    const retryAfterMs = error.fields['retry_after_ms']
    const headers = typeof retryAfterMs === 'number' ? retryAfter(retryAfterMs) : {}
    return new Answer({ status: error.status, headers, body: error.toJSON() })
  }
  if (error instanceof Unavailable) {
    return new Answer({
      status: 503,
      headers: retryAfter(error.retryAfterMs),
      body: { errcode: 'M_UNKNOWN', error: 'The server cannot answer right now, try again later' },
    })
  }
  return new Answer({ status: 500, body: { errcode: 'M_UNKNOWN', error: 'Internal server error' } })
}

function retryAfter(ms: number): { 'Retry-After': string } {
  return { 'Retry-After': String(Math.max(1, Math.ceil(ms / 1000))) }
}
