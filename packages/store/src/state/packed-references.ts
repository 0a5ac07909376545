/**
 * Event references as stored in `state_events.auth` and in merged states. Those to events of the same commit are written
 * before these have a number: they are distances back from an origin that the row tells (for auth events the event's own
 * nid, for a merged state the position after the commit's last event). Even numbers are nids doubled, odd ones distances.
 */
import type { EventRef } from '../persister/room-commit.ts'
import { PackedReader, PackedWriter } from './packed-numbers.ts'

/** Writes a reference of a commit; `originIndex` is the index that the origin has, or would have, among its events. */
export function writeReference(writer: PackedWriter, ref: EventRef, originIndex: number): void {
  if (ref >= 0) {
    writer.unsigned(ref * 2)
    return
  }
  const distance = originIndex - (-ref - 1)
  if (distance <= 0) throw new RangeError('a reference points to an event that comes later')
  writer.unsigned(distance * 2 + 1)
}

/** Reads a reference as a nid. */
export function readReference(reader: PackedReader, origin: number): number {
  const value = reader.unsigned()
  return value % 2 === 0 ? value / 2 : origin - (value - 1) / 2
}

/** Packs the auth events of the event at `index` of a commit. */
export function packAuth(refs: readonly EventRef[], index: number): Buffer {
  const writer = new PackedWriter(refs.length * 6)
  for (const ref of refs) writeReference(writer, ref, index)
  return writer.bytes()
}

/** The auth events of the event with this nid. */
export function unpackAuth(bytes: Uint8Array, nid: number): number[] {
  const reader = new PackedReader(bytes)
  const nids: number[] = []
  while (!reader.done) nids.push(readReference(reader, nid))
  return nids
}
