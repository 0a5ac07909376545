import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'
import { pageAnswer } from './page-answer.ts'

/**
 * A page that does the whole login, for apps that do not know this server's ways to log in.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#login-fallback}
 */
export const loginPage = endpoint({
  method: 'GET',
  path: ['/_matrix/static/client/login/', '/_matrix/static/client/login', founding('/login/fallback')],
  auth: 'none',
  response: s.unknown,
  handle({ pages, server }) {
    return pageAnswer((facts) => pages.login(facts), server)
  },
})
