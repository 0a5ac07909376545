import type { ServerName } from '@hearth/protocol'
import { Dictionary, type DictionaryDeps } from './dictionary.ts'

/** The servers that users, aliases and rooms are of. */
export class Servers extends Dictionary<ServerName> {
  constructor(deps: DictionaryDeps) {
    super({ table: 'servers', column: 'name' }, deps)
  }
}
