/**
 * A whole state as kept in `state_node` (kind 2): the number of entries, then for each type its number, how many entries
 * it has, and for each entry the distance of its state key and of its event from those of the entry before. Users join
 * about in the order in which they become known, so both are short.
 */
import { PackedReader, PackedWriter } from './packed-numbers.ts'
import { StateBase } from './state-base.ts'
import { StateColumnsBuilder } from './state-columns.ts'
import { StateMap } from './state-map.ts'

/** Packs a state. */
export function packSnapshot(state: StateMap): Buffer {
  const { types, starts, keys, nids } = state.flatten().base.columns
  const writer = new PackedWriter(16 + keys.length * 5)
  writer.unsigned(keys.length)
  let previousNid = 0
  types.forEach((type, i) => {
    const [start, end] = [starts[i]!, starts[i + 1]!]
    writer.unsigned(type)
    writer.unsigned(end - start)
    let previousKey = 0
    for (let at = start; at < end; at++) {
      writer.unsigned(keys[at]! - previousKey)
      writer.signed(nids[at]! - previousNid)
      previousKey = keys[at]!
      previousNid = nids[at]!
    }
  })
  return writer.bytes()
}

/** Reads a packed state. */
export function unpackSnapshot(data: Uint8Array): StateMap {
  const reader = new PackedReader(data)
  const builder = new StateColumnsBuilder(reader.unsigned())
  let nid = 0
  while (!reader.done) {
    const type = reader.unsigned()
    let key = 0
    for (let left = reader.unsigned(); left > 0; left--) {
      key += reader.unsigned()
      nid += reader.signed()
      builder.add(type, key, nid)
    }
  }
  return StateMap.onBase(new StateBase(builder.build()))
}
