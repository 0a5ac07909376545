import { invalidParam, isUserId, MatrixError, type JsonObject, type RoomId, type UserId } from '@hearth/protocol'
import { creatorsOf, findRoomVersion, type RoomVersion } from '@hearth/rooms'
import { TimeSlice, type Clock } from '@hearth/runtime'
import type { ClientTransaction, Store } from '@hearth/store'
import type { JobHandler } from '../../jobs/job.ts'
import type { Profiles } from '../../profiles/profiles.ts'
import type { Requester } from '../../requester.ts'
import { randomRoomId } from '../random-room-id.ts'
import { refreshRoomStatistics } from '../refresh-room-statistics.ts'
import type { Room } from '../room.ts'
import type { RoomAccess } from '../room-access.ts'
import type { RoomDirectory } from '../room-directory.ts'
import type { RoomRegistry } from '../room-registry.ts'
import type { EventSender, Plan } from '../send/event-sender.ts'
import type { Proposal } from '../send/proposal.ts'
import type { RoomDraft } from '../send/room-draft.ts'
import { clientTransaction } from '../send/transaction-scope.ts'
import { closingLevels, replacementLevels, type OldLevels } from './replacement-levels.ts'
import type { ReplacementState } from './replacement-state.ts'
import type { RoomSettings } from './room-settings.ts'
import { interruptedUpgrade, readInterruptedUpgrade, upgradeJobKind } from './interrupted-upgrade.ts'

export interface UpgradeRequest {
  readonly requester: Requester
  readonly room: Room
  readonly version: string
  /** Who is to be a creator of the new room besides the requester, where its version knows such. */
  readonly additionalCreators?: readonly string[] | undefined
}

interface Replacement {
  readonly requester: Requester
  readonly version: RoomVersion
  readonly additional: readonly UserId[]
  readonly transaction: ClientTransaction
  readonly ts: number
}

export interface RoomUpgradeDeps {
  readonly store: Store
  readonly rooms: RoomRegistry
  readonly access: RoomAccess
  readonly sender: EventSender
  readonly directory: RoomDirectory
  readonly profiles: Pick<Profiles, 'memberContent'>
  readonly replacementState: ReplacementState
  readonly settings: RoomSettings
  readonly serverName: string
  readonly clock: Clock
}

const unknownRoom = '!unknown' as RoomId
const maxAdditionalCreators = 100
/** When to look after an upgrade that may have been broken off, in milliseconds. */
const lookAfterMs = 60_000
/** Why state may be left out: the rules of the room do not let it in. */
const dispensable = new Set(['M_FORBIDDEN', 'M_BAD_JSON', 'M_TOO_LARGE'])

/**
 * Replaces a room by one of another version. The new room is there, whole, before the old one points to it. An upgrade
 * that is broken off in between is carried on when the client asks again, or by a job.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#room-upgrades}
 */
export class RoomUpgrade {
  readonly #deps: RoomUpgradeDeps

  constructor(deps: RoomUpgradeDeps) {
    this.#deps = deps
  }

  /**
   * Upgrades a room. The same device that asks for the same again gets the same room.
   *
   * @throws MatrixError M_UNSUPPORTED_ROOM_VERSION, M_INVALID_PARAM for creators that are no users, M_FORBIDDEN for those
   *   who may not close the room.
   */
  async upgrade(request: UpgradeRequest): Promise<RoomId> {
    const { requester, room } = request
    const version = findRoomVersion(request.version)
    if (!version)
      throw new MatrixError('M_UNSUPPORTED_ROOM_VERSION', `Room version ${request.version} is not supported`)
    const named = version.creatorsHaveInfinitePower ? creatorIds(request.additionalCreators) : []
    const additional = named.filter((userId) => userId !== requester.userId)
    await this.#deps.access.requireJoined(room, requester.userId)
    const transaction = clientTransaction(requester, version.id, 'upgradeRoom', room.id, ...additional)
    return this.#replace(requester, room, transaction, (draft, ts) => {
      return this.#create(draft, { requester, version, additional, transaction, ts })
    })
  }

  /** Carries on upgrades that were broken off after the new room had been made. */
  get jobHandler(): JobHandler {
    return { kind: upgradeJobKind, run: ({ payload }) => this.#resume(payload) }
  }

  async #resume(payload: JsonObject): Promise<void> {
    const { requester, roomId, transaction } = readInterruptedUpgrade(payload)
    const room = await this.#deps.rooms.find(roomId)
    const replacement = room && (await this.#made(transaction))
    if (!replacement) return
    try {
      await this.#replace(requester, room, transaction, () => replacement)
    } catch (error) {
      // Who may not close the room any more leaves it open.
      if (!(error instanceof MatrixError)) throw error
    }
  }

  async #replace(
    requester: Requester,
    room: Room,
    transaction: ClientTransaction,
    create: (draft: RoomDraft, ts: number) => Promise<Room> | Room,
  ): Promise<RoomId> {
    const { sender, rooms, settings, clock } = this.#deps
    const ts = clock.now()
    const made: { room?: Room } = {}
    // While the old room's mailbox is at this, nothing is sent to the room.
    await sender.send(room, async (draft): Promise<Plan> => {
      made.room = (await this.#made(transaction)) ?? (await create(draft, ts))
      return this.#planClosing(draft, requester.userId, made.room.id, ts)
    })
    const replacement = await rooms.get(made.room!.id)
    await settings.carryOver(requester, replacement)
    await this.#moveNames(room, replacement, transaction)
    return replacement.id
  }

  /** The room that an earlier run of the upgrade made. */
  async #made(transaction: ClientTransaction): Promise<Room | undefined> {
    const { sender, rooms, directory } = this.#deps
    const sent = await sender.findSent(transaction)
    return sent && rooms.get(await directory.roomOfEvent(sent.eventId))
  }

  async #create(old: RoomDraft, replacement: Replacement): Promise<Room> {
    const { sender, store, rooms, directory, serverName, clock } = this.#deps
    const { requester, version, transaction, ts } = replacement
    const roomId = version.roomIds === 'create-event' ? undefined : randomRoomId(serverName)
    // Before anything is made: whether the requester may close the old room, and which event will do so.
    const savepoint = old.savepoint()
    const { event } = await old.append(tombstone(requester.userId, roomId ?? unknownRoom, ts))
    old.rollback(savepoint)
    // The id of the new room, where it is made of its create event, cannot be in an event that this one names.
    const predecessor = { room_id: old.room.id, ...(roomId !== undefined && { event_id: event.eventId }) }
    const draft = await this.#draftReplacement(old, replacement, predecessor, roomId)
    const now = clock.now()
    const payload = interruptedUpgrade(requester, old.room.id, transaction)
    await store.jobs.add({ kind: upgradeJobKind, key: keyOf(transaction), payload, now, runAfterTs: now + lookAfterMs })
    const [sent] = await sender.create(draft)
    return sent!.existing ? rooms.get(await directory.roomOfEvent(sent!.eventId)) : draft.room
  }

  /** The new room with all its state, not committed. */
  async #draftReplacement(
    old: RoomDraft,
    { requester: { userId }, version, additional, transaction }: Replacement,
    predecessor: JsonObject,
    roomId: RoomId | undefined,
  ): Promise<RoomDraft> {
    const { sender, profiles, replacementState, clock } = this.#deps
    const content: JsonObject = {
      ...(await replacementState.createContent(old)),
      predecessor,
      room_version: version.id,
      ...(version.creators === 'content' && { creator: userId }),
      ...(additional.length > 0 && { additional_creators: [...additional] }),
    }
    const create: Proposal = { type: 'm.room.create', stateKey: '', sender: userId, content, transaction }
    const draft = await sender.draftRoom(version, create, roomId)
    const member = { ...(await profiles.memberContent(userId)), membership: 'join' }
    await draft.append({ type: 'm.room.member', stateKey: userId, sender: userId, content: member })
    const levels = replacementLevels(await levelsOf(old), version, [userId, ...additional])
    const setLevels = (content: JsonObject): Proposal => {
      return { type: 'm.room.power_levels', stateKey: '', sender: userId, content }
    }
    await draft.append(setLevels(levels.first))
    const slice = new TimeSlice(clock)
    for (const state of await replacementState.of(old, version)) {
      if (slice.isOver) await slice.rest()
      await appended(draft, { ...state, sender: userId })
    }
    if (levels.last) await draft.append(setLevels(levels.last))
    return draft
  }

  /** What closes the old room: the tombstone, and as far as the user may, its names and levels. */
  async #planClosing(draft: RoomDraft, userId: UserId, replacement: RoomId, ts: number): Promise<Plan> {
    const current = await draft.find('m.room.tombstone', '')
    if (current?.pdu.content['replacement_room'] === replacement) {
      return { existing: { eventId: current.eventId, existing: true } }
    }
    const savepoint = draft.savepoint()
    const plan = [tombstone(userId, replacement, ts)]
    await draft.append(plan[0]!)
    const further: Proposal[] = []
    const names = await draft.find('m.room.canonical_alias', '')
    if (names && Object.keys(names.pdu.content).length > 0) {
      further.push({ type: 'm.room.canonical_alias', stateKey: '', sender: userId, content: {} })
    }
    const levels = closingLevels(await levelsOf(draft))
    if (levels) further.push({ type: 'm.room.power_levels', stateKey: '', sender: userId, content: levels })
    for (const proposal of further) if (await appended(draft, proposal)) plan.push(proposal)
    draft.rollback(savepoint)
    return plan
  }

  /** Gives the new room the old one's aliases and its place in the directory: the end of the upgrade. */
  async #moveNames(old: Room, replacement: Room, transaction: ClientTransaction): Promise<void> {
    await this.#deps.store.transaction(async (tx) => {
      await tx.roomAliases.moveAll(old.nid, replacement.nid)
      if (await tx.publishedRooms.has(old.nid)) {
        await tx.publishedRooms.delete(old.nid)
        await tx.publishedRooms.insert(replacement.nid)
        await refreshRoomStatistics([replacement.nid], replacement.head.lastPos, tx)
      }
      await tx.jobs.remove(upgradeJobKind, keyOf(transaction))
    })
  }
}

function tombstone(userId: UserId, replacement: RoomId, ts: number): Proposal {
  const content = { body: 'This room has been replaced', replacement_room: replacement }
  return { type: 'm.room.tombstone', stateKey: '', sender: userId, content, originServerTs: ts }
}

async function levelsOf(draft: RoomDraft): Promise<OldLevels> {
  const { version } = draft.room
  const create = await draft.find('m.room.create', '')
  const levels = await draft.find('m.room.power_levels', '')
  return { version, content: levels?.pdu.content, creators: create ? creatorsOf(version, create) : [] }
}

/** Appends an event that the room can do without; false where its rules do not let it in. */
async function appended(draft: RoomDraft, proposal: Proposal): Promise<boolean> {
  const savepoint = draft.savepoint()
  try {
    await draft.append(proposal)
    return true
  } catch (error) {
    if (!(error instanceof MatrixError && dispensable.has(error.errcode))) throw error
    draft.rollback(savepoint)
    return false
  }
}

function keyOf({ deviceNid, scope, txnId }: ClientTransaction): string {
  return `${deviceNid} ${Buffer.from(scope).toString('hex')} ${txnId}`
}

function creatorIds(ids: readonly string[] = []): UserId[] {
  if (ids.length > maxAdditionalCreators) throw invalidParam(`At most ${maxAdditionalCreators} creators can be added`)
  if (!ids.every((id) => isUserId(id))) throw invalidParam('additional_creators are not all user ids')
  return [...new Set(ids)]
}
