import { isUserId, type JsonObject } from '@hearth/protocol'
import { eventFlags, type EventStreamChange, type Store, type StoredChange } from '@hearth/store'
import { membershipOf } from '../rooms/membership-content.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { RoomRegistry } from '../rooms/room-registry.ts'
import type { Room } from '../rooms/room.ts'
import { minPosition } from '../rooms/timeline-scan.ts'
import type { Change, EventChange, ResolvedMemberChange } from './change.ts'

const pageSize = 1_000

/** Reads changes that this process did not make, or missed, in the form that it would have made them. */
export class StreamReader {
  readonly #store: Store
  readonly #events: RoomEvents
  readonly #rooms: RoomRegistry
  readonly #serverName: string

  constructor(deps: { store: Store; events: RoomEvents; rooms: RoomRegistry; serverName: string }) {
    this.#store = deps.store
    this.#events = deps.events
    this.#rooms = deps.rooms
    this.#serverName = deps.serverName
  }

  /** The changes after a position, up to another or as far as one page goes. */
  async read(after: number, upTo: number): Promise<{ changes: readonly Change[]; upTo: number }> {
    const page = await this.#store.streams.readChanges(after, upTo, pageSize)
    return { changes: await this.#changesOf(page.changes), upTo: page.upTo }
  }

  /**
   * The changes of a stretch that another process says it has committed, and of which kinds they are: one look instead of
   * one at each table. undefined when it is not so, not quite, or too much at once.
   */
  async readTold(after: number, upTo: number, kinds: readonly string[]): Promise<readonly Change[] | undefined> {
    if (upTo - after > pageSize) return undefined
    const changes = await this.#store.streams.readTold(after, upTo, kinds)
    return changes && this.#changesOf(changes)
  }

  async #changesOf(stored: readonly StoredChange[]): Promise<Change[]> {
    const changes: Change[] = []
    for (const change of stored) {
      if (change.kind === 'event') changes.push(...(await this.#eventChanges(change)))
      else changes.push(await this.#changeOf(change))
    }
    return changes
  }

  async #changeOf(change: Exclude<StoredChange, EventStreamChange>): Promise<Change> {
    if (change.kind === 'account-data') return { kind: 'account-data', ...change.entry }
    if (change.kind === 'forgotten-room' || change.kind === 'outside-membership') return change
    if (change.kind === 'to-device') return change
    if (change.kind === 'erasure') {
      return { kind: 'erasure', pos: change.pos, userId: await this.#store.users.keyOf(change.userNid) }
    }
    if (change.kind === 'presence-list') {
      const { users } = this.#store
      const { entry } = change
      const [observerId, observedId] = [await users.keyOf(entry.observerNid), await users.keyOf(entry.observedNid)]
      return { kind: 'presence-list', ...entry, observerId, observedId }
    }
    if (change.kind === 'profile') {
      const { pos, profile } = change
      const userId = await this.#store.users.keyOf(profile.userNid)
      return {
        kind: 'profile',
        pos,
        userNid: profile.userNid,
        userId,
        fields: JSON.parse(profile.fields) as JsonObject,
      }
    }
    const { receipt } = change
    return { kind: 'receipt', ...receipt, userId: await this.#store.users.keyOf(receipt.userNid) }
  }

  async #eventChanges(change: EventStreamChange): Promise<Change[]> {
    const { event: row, pos } = change
    // Rooms that others move on are loaded for those who need more of them than this.
    const id = await this.#rooms.idOf(row.roomNid)
    if (id === undefined) return []
    const room = { nid: row.roomNid, id }
    const event = await this.#eventChange(room, change)
    if (row.currentStateNid === null) return [event]
    const members = await this.#resolvedMembers(room, { pos, stateNid: row.currentStateNid })
    const own = members.find(({ nid }) => nid === row.nid)
    return [{ ...event, membership: own }, ...members.filter((member) => member !== own)]
  }

  /** The memberships that changed at a position where history had forked. */
  async #resolvedMembers(
    room: Pick<Room, 'id' | 'nid'>,
    { pos, stateNid }: { readonly pos: number; readonly stateNid: number },
  ): Promise<ResolvedMemberChange[]> {
    const { events, eventTypes, stateKeys, states } = this.#store
    const range = { after: minPosition, upTo: pos - 1, direction: 'b', limit: 1 } as const
    const [last] = await events.listRoomEvents(room.nid, range)
    const differences = await states.difference(room.nid, last?.currentStateNid ?? last?.stateNid ?? 0, stateNid)
    const memberNid = await eventTypes.intern('m.room.member')
    const ofMembers = differences.filter(({ typeNid }) => typeNid === memberNid)
    if (ofMembers.length === 0) return []
    const found = await this.#events.findByNids(
      ofMembers.flatMap(({ before, after }) => [before ?? [], after ?? []].flat()),
    )
    const userIds = await stateKeys.keysOf(ofMembers.map(({ stateKeyNid }) => stateKeyNid))
    const ofUsers = ofMembers.flatMap(({ stateKeyNid, before, after }) => {
      const userId = userIds.get(stateKeyNid)
      return userId !== undefined && isUserId(userId) ? [{ userId, before, after }] : []
    })
    return Promise.all(
      ofUsers.map(async ({ userId, before, after }): Promise<ResolvedMemberChange> => {
        return {
          kind: 'member',
          pos,
          nid: after ?? null,
          roomNid: room.nid,
          roomId: room.id,
          userId,
          userNid: await this.#store.users.intern(userId),
          membership: (after === undefined ? undefined : membershipOf(found.get(after))) ?? 'leave',
          previous: before === undefined ? undefined : membershipOf(found.get(before)),
          local: userId.endsWith(`:${this.#serverName}`),
        }
      }),
    )
  }

  async #eventChange(room: Pick<Room, 'id' | 'nid'>, change: EventStreamChange): Promise<EventChange> {
    const { event: row, pos, stateBeforeNid, redactedNid, txn } = change
    if (redactedNid !== null) this.#events.forget(redactedNid)
    const event = this.#events.parse(row)
    const { replacesNid } = row
    const stateNid = row.stateNid ?? (await this.#rooms.findByNid(room.nid))?.head.stateNid ?? 0
    const replaced = replacesNid === null ? undefined : (await this.#events.findByNids([replacesNid])).get(replacesNid)
    const redacted = redactedNid === null ? undefined : (await this.#events.findByNids([redactedNid])).get(redactedNid)
    const membership = membershipOf(event)
    const userId = event.pdu.state_key
    return {
      kind: 'event',
      pos,
      nid: row.nid,
      roomNid: row.roomNid,
      roomId: room.id,
      event,
      stateNid,
      stateBeforeNid: stateBeforeNid ?? undefined,
      currentStateNid: row.currentStateNid ?? undefined,
      replaced,
      ...(membership !== undefined &&
        userId !== undefined &&
        isUserId(userId) && {
          membership: {
            userNid: await this.#store.users.intern(userId),
            membership,
            previous: membershipOf(replaced),
            local: userId.endsWith(`:${this.#serverName}`),
          },
        }),
      ...(redacted && { redacted: { nid: redactedNid!, event: redacted } }),
      ...((row.flags & eventFlags.afterGap) !== 0 && { isAfterGap: true }),
      ...((row.flags & eventFlags.outgoing) !== 0 && { outgoing: true }),
      ...(txn && { transaction: txn }),
    }
  }
}
