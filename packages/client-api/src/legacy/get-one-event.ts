import { s, type EventId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { founding } from '../paths.ts'

/** One event, whatever its room. Founding API. */
export const legacyGetOneEvent = endpoint({
  method: 'GET',
  path: founding('/events/:eventId'),
  auth: 'user',
  params: s.object({ eventId: s.format<EventId>('mx-event-id') }),
  response: s.record<unknown>(s.unknown),
  async handle({ foundingTimeline }, { params, requester }) {
    return foundingTimeline.event(requester, params.eventId)
  },
})
