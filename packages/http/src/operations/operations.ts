import { MatrixError } from '@hearth/protocol'
import type { Authenticator } from '../authentication.ts'
import { TrustedProxies } from '../client-address.ts'
import type { Endpoints } from '../endpoint.ts'
import type { Transport } from '../transport.ts'
import type { OperationsContext, OperationsRequesters } from './context.ts'
import { health } from './health.ts'
import { metrics } from './metrics.ts'

export const operationsEndpoints = { health, metrics } satisfies Endpoints<OperationsContext>

const forwardingHeaders: ReadonlySet<string> = new Set(['forwarded', 'via', 'x-forwarded-for', 'x-real-ip'])

/**
 * `GET /health`, and `GET /metrics` for those on the machine itself, for `everyone` on a listener of its own, or for
 * `nobody` where there is such a listener.
 */
export function operations(
  context: OperationsContext,
  { metricsFor }: { readonly metricsFor: 'loopback' | 'everyone' | 'nobody' },
): Transport<OperationsContext, OperationsRequesters> {
  return {
    endpoints: metricsFor === 'nobody' ? { health } : operationsEndpoints,
    context,
    crossOrigin: false,
    authenticators: { operator: metricsFor === 'everyone' ? () => ({ requester: undefined }) : localOperator() },
  }
}

/** Takes whoever asks from the machine itself. What a proxy on the machine forwards does not come from the machine. */
function localOperator(): Authenticator<undefined> {
  const loopback = new TrustedProxies(['loopback'])
  return ({ ip, rawHeaders }) => {
    const forwarded = rawHeaders.some((name, i) => i % 2 === 0 && forwardingHeaders.has(name.toLowerCase()))
    if (forwarded || !loopback.has(ip)) throw new MatrixError('M_UNRECOGNIZED', 'There is nothing at this path')
    return { requester: undefined }
  }
}
