/**
 * The difference of a merged state from its base, as kept in `state_node` (kind 1): type, state key and event of each
 * changed key. Event 0 means that the key is removed.
 */
import type { StateEntryChange } from '../persister/room-commit.ts'
import { PackedReader, PackedWriter } from './packed-numbers.ts'
import { readReference, writeReference } from './packed-references.ts'

/** Packs the changes of a merge in a commit of `eventCount` events. */
export function packMerge(changes: readonly StateEntryChange[], eventCount: number): Buffer {
  const writer = new PackedWriter(changes.length * 8)
  for (const { typeNid, stateKeyNid, event } of changes) {
    writer.unsigned(typeNid)
    writer.unsigned(stateKeyNid)
    writeReference(writer, event ?? 0, eventCount)
  }
  return writer.bytes()
}

/** Reads a packed merge; `origin` is the position after the last event of its commit. */
export function unpackMerge(data: Uint8Array, origin: number): StateEntryChange[] {
  const reader = new PackedReader(data)
  const changes: StateEntryChange[] = []
  while (!reader.done) {
    const typeNid = reader.unsigned()
    const stateKeyNid = reader.unsigned()
    const event = readReference(reader, origin)
    changes.push({ typeNid, stateKeyNid, event: event === 0 ? null : event })
  }
  return changes
}
