import type { JsonValue, Schema } from '@hearth/protocol'
import { parseBody } from './read-body.ts'

/** The body of an endpoint that takes JSON and parses it itself: its handler is given the bytes as they were sent. */
export const jsonBytes: Schema<Buffer> = { description: 'JSON, as it was sent' }

/** A body that has been read whole: what is signed are its bytes, what is handled is its JSON. */
export class RequestBody {
  readonly bytes: Buffer
  readonly #limits: { allowEmpty: boolean; maxDepth: number; nul: 'allow' | 'refuse' }
  #json: JsonValue | undefined

  constructor(bytes: Buffer, limits: { allowEmpty: boolean; maxDepth: number; nul: 'allow' | 'refuse' }) {
    this.bytes = bytes
    this.#limits = limits
  }

  /**
   * The body parsed, which is done once.
   * @throws MatrixError 400 `M_NOT_JSON` or `M_BAD_JSON`.
   */
  json(): JsonValue {
    return (this.#json ??= parseBody(this.bytes, this.#limits))
  }
}
