import { annotationKey } from '../tables/relations.ts'
import { storedEventId } from '../tables/event-id-bytes.ts'
import { membershipCodes } from '../tables/membership-code.ts'
import { packAuth } from '../state/packed-references.ts'
import { packMerge } from '../state/packed-merge.ts'
import { boolArray, byteaArray, int2Array, int4Array, int8Array, textArray, uuidArray } from './binary-array.ts'
import type { PlannedCommit } from './planned-commit.ts'
import { isRefused } from '../tables/event-flags.ts'
import type { EventRef, NewEvent, RoomCommit } from './room-commit.ts'

type Numbers = (number | null)[]

/** The parameters of `hearth_commit`, column by column, for the room commits of one batch. Used once. */
export class Batch {
  readonly #planned: PlannedCommit[] = []
  /** The slot before each commit's first event. */
  readonly #bases: number[] = []
  readonly #c = {
    room: column(),
    expected: column(),
    size: column(),
    lastSlot: column(),
    depth: column(),
    state: column(),
    tip: column(),
  }
  readonly #e = {
    commit: column(),
    id: [] as Buffer[],
    json: [] as string[],
    type: column(),
    skey: column(),
    sender: column(),
    flags: column(),
    depth: column(),
    ts: column(),
    state: column(),
    replaces: column(),
    nid: column(),
    late: [] as boolean[],
    current: column(),
  }
  readonly #t = { slot: column(), device: column(), key: [] as Buffer[], txnId: [] as string[] }
  readonly #s = { slot: column(), base: column(), auth: [] as Buffer[] }
  readonly #k = { commit: column(), type: column(), skey: column(), ref: column(), membership: column() }
  readonly #l = { commit: column(), user: column(), ref: column(), slot: column(), membership: column() }
  readonly #v = { commit: column(), server: column(), delta: column(), entered: column(), left: column() }
  readonly #x = { slot: column(), target: column(), targetId: [] as (Buffer | null)[], json: [] as (string | null)[] }
  readonly #p = { slot: column(), redaction: column() }
  readonly #r = {
    slot: column(),
    parent: [] as Buffer[],
    type: [] as string[],
    key: [] as (Buffer | null)[],
  }
  readonly #q = { slot: column(), reason: [] as string[] }
  readonly #m = { commit: column(), state: column(), base: column(), data: [] as Buffer[] }
  readonly #n = { commit: column(), roomId: [] as string[], version: [] as string[] }
  readonly #h = { commit: column(), ref: column() }

  /** The commits, in order. */
  get planned(): readonly PlannedCommit[] {
    return this.#planned
  }

  /** The slot of a commit's event. */
  slot(commitIndex: number, eventIndex: number): number {
    return this.#bases[commitIndex]! + eventIndex + 1
  }

  /** The commit and the index within it of an event's slot. */
  locate(slot: number): { commitIndex: number; eventIndex: number } {
    const commitIndex = this.#e.commit[slot - 1]! - 1
    return { commitIndex, eventIndex: slot - 1 - this.#bases[commitIndex]! }
  }

  add(planned: PlannedCommit): void {
    this.#bases.push(this.#e.json.length)
    this.#planned.push(planned)
    this.#addRoom(planned)
    this.#addEvents(planned)
    this.#addDerived(planned)
  }

  /** In the order of the function's parameters. */
  parameters(): Buffer[] {
    const [c, e, t, s, k, l] = [this.#c, this.#e, this.#t, this.#s, this.#k, this.#l]
    const [v, x, p, m, n, h, r, q] = [this.#v, this.#x, this.#p, this.#m, this.#n, this.#h, this.#r, this.#q]
    return [
      ...[int4Array(c.room), int8Array(c.expected), int4Array(c.size), int4Array(c.lastSlot), int8Array(c.depth)],
      ...[int8Array(c.state), int8Array(c.tip)],
      ...[int4Array(e.commit), byteaArray(e.id), textArray(e.json), int4Array(e.type), int4Array(e.skey)],
      ...[
        int4Array(e.sender),
        int2Array(e.flags),
        int8Array(e.depth),
        int8Array(e.ts),
        int8Array(e.state),
        int8Array(e.replaces),
        int8Array(unlessAll(null, e.nid)),
        boolArray(unlessAll(false, e.late)),
        int8Array(unlessAll(null, e.current)),
      ],
      ...[int4Array(t.slot), int8Array(t.device), uuidArray(t.key), textArray(t.txnId)],
      ...[int4Array(s.slot), int8Array(s.base), byteaArray(s.auth)],
      ...[int4Array(k.commit), int4Array(k.type), int4Array(k.skey), int8Array(k.ref), int2Array(k.membership)],
      ...[int4Array(l.commit), int4Array(l.user), int8Array(l.ref), int4Array(l.slot), int2Array(l.membership)],
      ...[int4Array(v.commit), int4Array(v.server), int4Array(v.delta), int4Array(v.entered), int4Array(v.left)],
      ...[int4Array(x.slot), int8Array(x.target), byteaArray(x.targetId), textArray(x.json)],
      ...[int4Array(p.slot), int8Array(p.redaction)],
      ...[int4Array(m.commit), int8Array(m.state), int8Array(m.base), byteaArray(m.data)],
      ...[int4Array(n.commit), textArray(n.roomId), textArray(n.version)],
      ...[int4Array(h.commit), int8Array(h.ref)],
      ...[int4Array(r.slot), byteaArray(r.parent), textArray(r.type), byteaArray(r.key)],
      ...[int4Array(q.slot), textArray(q.reason)],
    ]
  }

  #addRoom({ commit, headState }: PlannedCommit): void {
    const number = this.#planned.length
    this.#c.room.push(commit.roomNid)
    this.#c.expected.push(commit.expectedPos)
    this.#c.size.push(commit.events.length)
    this.#c.lastSlot.push(this.#bases.at(-1)! + commit.events.length)
    this.#c.depth.push(
      commit.events.reduce((depth, event) => (isRefused(event) ? depth : Math.max(depth, event.depth)), 0),
    )
    this.#c.state.push(this.#ref(headState))
    const [tip, ...others] = commit.extremities
    if (tip === undefined) throw new RangeError('a room needs a forward extremity')
    this.#c.tip.push(others.length === 0 ? this.#ref(tip) : null)
    if (others.length > 0) {
      for (const ref of commit.extremities) {
        this.#h.commit.push(number)
        this.#h.ref.push(this.#ref(ref))
      }
    }
    if (commit.newRoom !== undefined) {
      this.#n.commit.push(number)
      this.#n.roomId.push(commit.newRoom.roomId)
      this.#n.version.push(commit.newRoom.version)
    }
    for (const { stateNid, base, changes } of commit.merges ?? []) {
      this.#m.commit.push(number)
      this.#m.state.push(stateNid)
      this.#m.base.push(this.#ref(base))
      const numbered = changes.map((change) => ({
        ...change,
        event: change.event && numberedRef(commit, change.event),
      }))
      this.#m.data.push(packMerge(numbered, commit.events.length))
    }
  }

  #addEvents({ commit, states, transactions }: PlannedCommit): void {
    const number = this.#planned.length
    commit.events.forEach((event, index) => {
      const { bytes, spelling } = storedEventId(event.eventId)
      const state = states[index]!
      this.#e.commit.push(number)
      this.#e.id.push(bytes)
      this.#e.json.push(event.json)
      this.#e.type.push(event.typeNid)
      this.#e.skey.push(event.stateKeyNid)
      this.#e.sender.push(event.senderNid)
      this.#e.flags.push(event.flags | spelling)
      this.#e.depth.push(event.depth)
      this.#e.ts.push(event.ts)
      this.#e.state.push(this.#ref(state.after))
      this.#e.replaces.push(event.replaces === undefined ? null : this.#ref(event.replaces))
      this.#e.nid.push(event.nid ?? null)
      this.#e.late.push(event.isLate === true)
      this.#e.current.push(event.currentState === undefined ? null : this.#ref(event.currentState))
      const slot = this.#e.json.length
      if (event.stateKeyNid !== null) {
        this.#s.slot.push(slot)
        this.#s.base.push(this.#ref(state.before))
        this.#s.auth.push(packedAuth(commit, event, index))
      }
      if (event.redacts !== undefined) {
        const known = 'target' in event.redacts ? event.redacts : undefined
        this.#x.slot.push(slot)
        this.#x.target.push(known === undefined ? null : this.#ref(known.target))
        this.#x.json.push(known?.prunedJson ?? null)
        this.#x.targetId.push('target' in event.redacts ? null : storedEventId(event.redacts.unknownTarget).bytes)
      }
      if (event.relation !== undefined) {
        const { parentId, relType, key } = event.relation
        this.#r.slot.push(slot)
        this.#r.parent.push(storedEventId(parentId).bytes)
        this.#r.type.push(relType)
        this.#r.key.push(key === undefined ? null : annotationKey(key))
      }
      if (event.redactedBy !== undefined) {
        this.#p.slot.push(slot)
        this.#p.redaction.push(event.redactedBy)
      }
      if (event.refusal !== undefined) {
        this.#q.slot.push(slot)
        this.#q.reason.push(event.refusal)
      }
    })
    for (const { index, txn, key } of transactions) {
      this.#t.slot.push(this.slot(number - 1, index))
      this.#t.device.push(txn.deviceNid)
      this.#t.key.push(key)
      this.#t.txnId.push(txn.txnId)
    }
  }

  #addDerived({ stateChanges, localMemberships, serverChanges }: PlannedCommit): void {
    const number = this.#planned.length
    for (const { typeNid, stateKeyNid, event, membership } of stateChanges) {
      this.#k.commit.push(number)
      this.#k.type.push(typeNid)
      this.#k.skey.push(stateKeyNid)
      this.#k.ref.push(event === null ? 0 : this.#ref(event))
      this.#k.membership.push(membership === undefined ? null : membershipCodes[membership.membership])
    }
    for (const { ref, slot, change } of localMemberships) {
      this.#l.commit.push(number)
      this.#l.user.push(change.userNid)
      this.#l.ref.push(this.#ref(ref))
      this.#l.slot.push(this.#slotOf(slot))
      this.#l.membership.push(membershipCodes[change.membership])
    }
    for (const { serverNid, delta, entered, left } of serverChanges) {
      this.#v.commit.push(number)
      this.#v.server.push(serverNid)
      this.#v.delta.push(delta)
      this.#v.entered.push(entered === null ? null : this.#slotOf(entered))
      this.#v.left.push(left === null ? null : this.#slotOf(left))
    }
  }

  /** A reference of the newest commit as one of the batch: an event of it as its nid, or its slot, negative. */
  #ref(ref: EventRef): number {
    const numbered = numberedRef(this.#planned.at(-1)!.commit, ref)
    return numbered >= 0 ? numbered : numbered - this.#bases.at(-1)!
  }

  /** The slot of an event of the newest commit, by its (negative) reference. */
  #slotOf(ref: EventRef): number {
    return this.#bases.at(-1)! - ref
  }
}

/** A reference to an event of a commit that has a nid already as that; any other unchanged. */
function numberedRef(commit: RoomCommit, ref: EventRef): EventRef {
  return ref >= 0 ? ref : (commit.events[-ref - 1]?.nid ?? ref)
}

function packedAuth(commit: RoomCommit, event: NewEvent, index: number): Buffer {
  const auth = event.auth.map((ref) => numberedRef(commit, ref))
  // Distances are counted from the event's own nid.
  if (event.nid !== undefined && auth.some((ref) => ref < 0)) throw new RangeError('an auth event has no number yet')
  return packAuth(auth, index)
}

/** A column that may be left out where it says nothing. */
function unlessAll<Value>(nothing: Value, values: Value[]): Value[] {
  return values.every((value) => value === nothing) ? [] : values
}

function column(): Numbers {
  return []
}
