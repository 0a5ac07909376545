import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3 } from '../paths.ts'
import { pageAnswer } from './page-answer.ts'

/**
 * A page on which a person passes one stage of user-interactive authentication, for apps that do not know the stage.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#fallback}
 */
export const getAuthFallback = endpoint({
  method: 'GET',
  path: v3('/auth/:authType/fallback/web'),
  auth: 'none',
  rateLimit: 'login',
  params: s.object({ authType: s.string }),
  query: s.object({ session: s.string }),
  response: s.unknown,
  async handle({ fallbackAuth, pages, server }, { params, query }) {
    const parameters = await fallbackAuth.describe(query.session, params.authType)
    // The app that has opened it waits for its word.
    return pageAnswer((facts) => pages.auth(facts, parameters), server, { keepsOpener: true })
  },
})
