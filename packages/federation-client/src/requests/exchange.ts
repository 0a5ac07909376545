import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { request as httpsRequest, type Agent } from 'node:https'
import type { Route } from '../discovery/route.ts'
import type { Phases } from './phases.ts'
import type { RequestLimits } from './remote-request.ts'

export interface HttpRequest {
  readonly method: string
  readonly target: string
  readonly headers: OutgoingHttpHeaders
  readonly body: string | undefined
}

/** No connection could be made, so that nothing of the request was sent. */
export class NotConnected extends Error {
  override readonly name = 'NotConnected'
}

/** A connection that was kept alive had been closed by the other side in the meantime: it makes sense to try another. */
export class StaleConnection extends Error {
  override readonly name = 'StaleConnection'
}

/**
 * Sends a request and gives the head of the answer, whose body is still to be read.
 * @throws NotConnected, StaleConnection, the signal's reason, or what else went wrong
 */
export function exchange(
  route: Route,
  { method, target, headers, body }: HttpRequest,
  { agent, phases, limits }: { agent: Agent; phases: Phases; limits: Pick<RequestLimits, 'connectMs' | 'firstByteMs'> },
): Promise<IncomingMessage> {
  const { signal } = phases
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const request = httpsRequest({
      agent,
      host: route.host,
      port: route.port,
      method,
      path: target,
      setHost: false,
      headers: { host: route.hostHeader, ...headers },
    })
    let isConnected = false
    const onAbort = (): void => void request.destroy(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    request.once('close', () => signal.removeEventListener('abort', onAbort))
    // A little more than the connector's own limit, which says better what took so long.
    phases.enter('connecting', limits.connectMs + 1_000)
    request.once('socket', () => {
      isConnected = true
      phases.enter('the beginning of the answer', limits.firstByteMs)
    })
    request.on('error', (error) => {
      if (signal.aborted) reject(signal.reason as Error)
      else if (!isConnected) reject(new NotConnected(error.message, { cause: error }))
      else if (request.reusedSocket) reject(new StaleConnection(error.message, { cause: error }))
      else reject(error)
    })
    request.once('response', (response) => {
      phases.leave()
      resolve(response)
    })
    request.end(body)
  })
}
