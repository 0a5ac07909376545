import type { EventId } from '@hearth/protocol'

/** What a reader is told of the events that relate to one. {@link https://spec.matrix.org/v1.19/client-server-api/#aggregations-of-child-events} */
export interface Aggregations<Event> {
  /** The newest valid edit. */
  readonly replacement?: Event | undefined
  readonly thread?: ThreadAggregation<Event> | undefined
  /** The events that refer to it, oldest first. */
  readonly references?: readonly EventId[] | undefined
}

export interface ThreadAggregation<Event> {
  readonly latest: Event
  readonly count: number
  readonly participated: boolean
}

/** The value of `m.relations`, whose events have the form that `render` gives them. */
export function aggregationsJson<Event>(
  { replacement, thread, references }: Aggregations<Event>,
  render: (event: Event) => string,
): string {
  const parts: string[] = []
  if (replacement) parts.push(`"m.replace":${render(replacement)}`)
  if (references) {
    const chunk = references.map((eventId) => ({ event_id: eventId }))
    parts.push(`"m.reference":{"chunk":${JSON.stringify(chunk)}}`)
  }
  if (thread) {
    const { latest, count, participated } = thread
    parts.push(
      `"m.thread":{"latest_event":${render(latest)},"count":${count},"current_user_participated":${participated}}`,
    )
  }
  return `{${parts.join(',')}}`
}
