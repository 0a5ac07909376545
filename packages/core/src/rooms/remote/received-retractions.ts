import { serverOf, type ServerName, type UserId } from '@hearth/protocol'
import type { Pdu } from '@hearth/rooms'
import type { Store } from '@hearth/store'
import { membershipOf } from '../membership-content.ts'
import type { VerifiedEvent } from '../receive/verified-event.ts'
import type { OutsideMembershipChanges } from './outside-membership-changes.ts'

/**
 * Takes the ends of invitations and knocks of rooms that this server is not in: somebody inside has taken the invitation
 * back, or refused the knock. Nothing more is known of such a room, so only the servers that told of it are heard.
 */
export class ReceivedRetractions {
  readonly #store: Store
  readonly #memberships: OutsideMembershipChanges
  readonly #serverName: ServerName

  constructor(deps: { store: Store; memberships: OutsideMembershipChanges; serverName: ServerName }) {
    this.#store = deps.store
    this.#memberships = deps.memberships
    this.#serverName = deps.serverName
  }

  /**
   * Takes an event of a room that this server is not in.
   *
   * @returns whether it ended an invitation or a knock.
   */
  async receive(origin: ServerName, roomNid: number, { event, json }: VerifiedEvent): Promise<boolean> {
    const membership = membershipOf(event)
    const { state_key: target, sender } = event.pdu
    if (membership !== 'leave' && membership !== 'ban') return false
    if (target === undefined || serverOf(target) !== this.#serverName || serverOf(sender) === this.#serverName)
      return false
    const userNid = await this.#store.users.find(target as UserId)
    if (userNid === undefined) return false
    const [local, outside] = await Promise.all([
      this.#store.localMemberships.find(userNid, roomNid),
      this.#store.outsideMemberships.find(userNid, roomNid),
    ])
    if (outside === undefined || local?.nid !== outside.nid) return false
    if (outside.membership !== 'invite' && outside.membership !== 'knock') return false
    const told = [outside.resident, serverOf((JSON.parse(outside.json) as Pdu).sender)]
    if (!told.includes(origin) && !told.includes(serverOf(sender))) return false
    return this.#memberships.set({
      userNid,
      roomNid,
      membership,
      eventId: event.eventId,
      json,
      resident: outside.resident,
      stripped: '[]',
    })
  }
}
