import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { legacy } from './paths.ts'

/** What may be sent, at its old place. {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3config} */
export const getConfig = endpoint({
  method: 'GET',
  path: legacy('/config'),
  auth: 'userOrGuest',
  response: s.object({ 'm.upload.size': s.integer }),
  handle: ({ media }) => ({ 'm.upload.size': media.maxUploadBytes }),
})
