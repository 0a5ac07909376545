import { Dictionary, type DictionaryDeps } from './dictionary.ts'

/** The number of the empty state key. */
export const EMPTY_STATE_KEY = 1

/** The state keys of events. */
export class StateKeys extends Dictionary<string> {
  constructor(deps: DictionaryDeps) {
    super({ table: 'state_keys', column: 'key' }, deps)
  }
}
