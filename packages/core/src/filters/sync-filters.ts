import { canonicalJson, sha256 } from '@hearth/crypto'
import { invalidParam, MatrixError, notFound, parseJsonText, type JsonObject } from '@hearth/protocol'
import { LruCache, type Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import { SyncFilter } from '../sync/sync-filter.ts'
import { userLimitExceeded } from '../user-limit-exceeded.ts'
import { syncFilter } from './filter-shape.ts'

const MAX_FILTERS = 500
const MAX_BYTES = 64 * 1024
const MAX_CACHED = 10_000
const MAX_TEXT_BYTES = 4 * 1024 * 1024
/** Rarely do clients repeat longer ones. */
const MAX_TEXT_LENGTH = 4 * 1024

/** Filters of sync: defined once and named by an id, or given with the request. */
export class SyncFilters {
  readonly #store: Store
  readonly #unfiltered = new SyncFilter()
  /** A filter never changes, so every sync but a device's first finds its filter here. */
  readonly #cache: LruCache<string, SyncFilter>
  /** By their text: those of the same client software are the same, and whatever is made by a filter is then shared. */
  readonly #byText: LruCache<string, SyncFilter>

  constructor(deps: { readonly store: Store; readonly metrics?: Metrics }) {
    this.#store = deps.store
    this.#cache = new LruCache({
      name: 'sync_filters',
      maxEntries: MAX_CACHED,
      ...(deps.metrics && { metrics: deps.metrics }),
    })
    this.#byText = new LruCache({
      name: 'sync_filters_by_text',
      maxBytes: MAX_TEXT_BYTES,
      // The text as a key, and about four times as much for what it became.
      sizeOf: (_filter, text) => 500 + 6 * text.length,
      ...(deps.metrics && { metrics: deps.metrics }),
    })
  }

  /**
   * Keeps a filter and returns its id; the same one for a filter that the user has defined before.
   * @throws MatrixError M_BAD_JSON, M_TOO_LARGE, M_USER_LIMIT_EXCEEDED.
   */
  async define(userNid: number, filter: JsonObject): Promise<string> {
    syncFilter(filter)
    // Unknown keys are kept, and may hold numbers that events may not.
    const definition = canonicalJson(filter, { numbers: 'legacy' })
    if (Buffer.byteLength(definition) > MAX_BYTES) {
      throw new MatrixError('M_TOO_LARGE', `A filter may have at most ${MAX_BYTES} bytes`)
    }
    const nid = await this.#store.filters.define(userNid, sha256(definition), definition, MAX_FILTERS)
    if (nid === undefined) throw userLimitExceeded('You have defined more filters than a user may')
    return String(nid)
  }

  /**
   * The definition of a filter of the user's, as JSON text.
   * @throws MatrixError M_NOT_FOUND when there is none of this id.
   */
  async get(userNid: number, filterId: string): Promise<string> {
    const definition = isFilterId(filterId) ? await this.#store.filters.find(userNid, Number(filterId)) : undefined
    if (definition === undefined) throw notFound('There is no such filter')
    return definition
  }

  /**
   * What the `filter` parameter of a sync means: an id, or a filter as JSON.
   * @throws MatrixError M_INVALID_PARAM for an unknown id, M_BAD_JSON and M_NOT_JSON for what is no filter.
   */
  async of({ userNid }: Requester, parameter: string | undefined): Promise<SyncFilter> {
    if (parameter === undefined) return this.#unfiltered
    if (parameter.startsWith('{')) return this.#ofText(parameter, () => syncFilter(parseJsonText(parameter)))
    const key = `${userNid}/${parameter}`
    const cached = this.#cache.get(key)
    if (cached !== undefined) return cached
    const definition = isFilterId(parameter) ? await this.#store.filters.find(userNid, Number(parameter)) : undefined
    if (definition === undefined) throw invalidParam('There is no such filter')
    const filter = this.#ofText(definition, () => new SyncFilter(JSON.parse(definition) as JsonObject))
    this.#cache.set(key, filter)
    return filter
  }

  #ofText(text: string, parse: () => SyncFilter): SyncFilter {
    const cached = this.#byText.get(text)
    if (cached !== undefined) return cached
    const filter = parse()
    if (text.length <= MAX_TEXT_LENGTH) this.#byText.set(text, filter)
    return filter
  }
}

/** Short enough to be a number that the database can hold. */
function isFilterId(text: string): boolean {
  return /^[0-9]{1,15}$/.test(text)
}
