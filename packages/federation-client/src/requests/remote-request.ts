import type { IncomingHttpHeaders } from 'node:http'
import type { JsonObject, Schema, ServerName } from '@hearth/protocol'

/** What of a request to another server is sent. */
export interface SentRequest {
  /** The specification's operationId, for metrics and logs. */
  readonly operation: string
  readonly destination: ServerName
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Path and query, percent-encoded, exactly as they are sent and signed. */
  readonly target: string
  /** The body: an object, or text that is canonical JSON already, which is sent and signed as it stands. */
  readonly body?: JsonObject | string
  /** `false` for what servers ask before they know one another's keys. */
  readonly signed?: boolean
  /** The content types that are wanted; JSON when absent. */
  readonly accept?: string
  readonly limits?: Partial<RequestLimits>
}

/** One request to another server, as an operation describes it. */
export interface RemoteRequest<Answer> extends SentRequest {
  /** What an answer must be. Properties that are not listed are kept. */
  readonly answer: Schema<Answer>
  /** Long arrays of the answer, read item by item. */
  readonly lists?: AnswerLists
}

/** An answer whose body is still to be read. To be disposed of, which closes the connection unless all of it was read. */
export interface StreamedAnswer extends Disposable {
  /** Below 400. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The body as it arrives, to be read once. @throws ServerUnreachable when it breaks off, is too long or too slow */
  readonly body: AsyncIterable<Buffer>
}

/** Arrays at the top level of an answer that may be long. They never are in memory as text. */
export interface AnswerLists {
  readonly names: readonly string[]
  /** What the items are. Those that are anything else, are too large or cannot be represented are left out. */
  readonly items: 'object' | 'string'
  /** The most items of one list. */
  readonly maxItems: number
  /**
   * Takes each item as it arrives, so that the lists of the answer stay empty; reading goes on when what it returns is
   * settled.
   */
  readonly onItem?: (list: string, item: JsonObject | string) => void | Promise<void>
}

/** What an answer may take, in milliseconds and bytes. */
export interface RequestLimits {
  /** Looking up the address, connecting, TLS. */
  readonly connectMs: number
  /** From then on until the answer begins. */
  readonly firstByteMs: number
  /** Between two parts of the answer. */
  readonly idleMs: number
  /** All of it. */
  readonly totalMs: number
  /** The size of the body. */
  readonly maxBytes: number
}
