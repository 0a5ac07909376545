import { RemoteError } from '../remote-error.ts'

/** Whether a server refuses because it does not have the endpoint: then an older one may do. */
export function isUnknownEndpoint(error: unknown): boolean {
  return error instanceof RemoteError && [400, 404, 405].includes(error.status) && error.errcode === 'M_UNRECOGNIZED'
}
