import type { Transport } from '@hearth/http'
import { clientAuthenticators } from './authenticators.ts'
import type { ClientApiContext, ClientRequesters } from './context.ts'
import { endpoints } from './endpoints.ts'

const { getSharedSecretNonce, registerWithSharedSecret, ...forClients } = endpoints

/** The client-server API, ready to be mounted. `r0` is what `v3` was called before version 1.1 of the specification. */
export function clientApi(context: ClientApiContext): Transport<ClientApiContext, ClientRequesters> {
  return {
    endpoints: forClients,
    context,
    authenticators: clientAuthenticators(context.sessions),
    aliases: { '/_matrix/client/v3/': ['/_matrix/client/r0/'] },
  }
}

/** Registration for those who administer the server, ready to be mounted: no web page is to ask for it. */
export function sharedSecretApi(context: ClientApiContext): Transport<ClientApiContext, ClientRequesters> {
  return {
    endpoints: { getSharedSecretNonce, registerWithSharedSecret },
    context,
    authenticators: clientAuthenticators(context.sessions),
    crossOrigin: false,
  }
}
