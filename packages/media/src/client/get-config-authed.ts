import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { authed } from './paths.ts'

/** What may be sent. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediaconfig} */
export const getConfigAuthed = endpoint({
  method: 'GET',
  path: authed('/config'),
  auth: 'userOrGuest',
  response: s.object({ 'm.upload.size': s.integer }),
  handle: ({ media }) => ({ 'm.upload.size': media.maxUploadBytes }),
})
