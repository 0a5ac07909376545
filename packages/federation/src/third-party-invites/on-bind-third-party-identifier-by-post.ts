import { endpoint } from '../context.ts'
import { onBindThirdPartyIdentifier } from './on-bind-third-party-identifier.ts'

/** The same by the method that identity servers use: the specification has come to call it PUT, they have not. */
export const onBindThirdPartyIdentifierByPost = endpoint({ ...onBindThirdPartyIdentifier, method: 'POST' })
