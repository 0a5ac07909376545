import { s } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { pageAnswer } from './page-answer.ts'

/** A page that creates an account, such as the first one. See `registrationLink`. */
export const registrationPage = endpoint({
  method: 'GET',
  path: ['/_matrix/static/client/register/', '/_matrix/static/client/register'],
  auth: 'none',
  response: s.unknown,
  handle({ pages, server }) {
    return pageAnswer((facts) => pages.register(facts), server)
  },
})
