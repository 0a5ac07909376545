/** What clients of today are told of somebody. {@link https://spec.matrix.org/v1.19/client-server-api/#presence} */
export type PresenceState = 'online' | 'unavailable' | 'offline'

/** What people may say of themselves: `free_for_chat` and `hidden` are of the founding API. */
export type ChosenPresence = PresenceState | 'free_for_chat' | 'hidden'

/** The state that a client of today is told of; to others than the user, who is hidden is offline. */
export function plainState(state: ChosenPresence): PresenceState {
  if (state === 'free_for_chat') return 'online'
  return state === 'hidden' ? 'offline' : state
}

/** Whether a state is more available than another: that it is taken shows that somebody is there. */
export function isHigher(state: ChosenPresence, than: ChosenPresence): boolean {
  return order.indexOf(state) > order.indexOf(than)
}

const order: readonly ChosenPresence[] = ['hidden', 'offline', 'unavailable', 'online', 'free_for_chat']
