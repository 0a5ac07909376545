import { RemoteError, ServerUnreachable } from '@hearth/federation-client'
import { MatrixError } from '@hearth/protocol'
import { LruCache, type Clock, type Metrics } from '@hearth/runtime'

export interface RemoteAnswersOptions<Answer> {
  /** The `cache` label of its metrics. */
  readonly name: string
  readonly maxBytes: number
  /** About how many bytes an answer takes. */
  readonly sizeOf: (answer: Answer) => number
  /** How long an answer is good for, and a refusal or silence, in milliseconds. */
  readonly freshMs: number
  readonly failureMs: number
  readonly clock: Clock
  readonly metrics: Metrics
}

interface Outcome<Answer> {
  readonly answer?: Answer
  readonly failure?: RemoteError | ServerUnreachable
  /** Monotonic. */
  readonly until: number
}

const failureBytes = 500
/** Questions that are on their way at a time: more are refused, so that nobody makes this server ask the whole world. */
const maxAsking = 200

/**
 * What other servers answered, for a while: who asks the same again is not the other server's load, and a server that
 * does not answer keeps nobody waiting twice. Equal questions at a time are one.
 */
export class RemoteAnswers<Answer> {
  readonly #options: RemoteAnswersOptions<Answer>
  readonly #outcomes: LruCache<string, Outcome<Answer>>
  readonly #asking = new Map<string, Promise<Answer>>()

  constructor(options: RemoteAnswersOptions<Answer>) {
    const { name, maxBytes, sizeOf, metrics } = options
    this.#options = options
    this.#outcomes = new LruCache({
      name,
      maxBytes,
      sizeOf: ({ answer }, key) => 100 + key.length + (answer === undefined ? failureBytes : sizeOf(answer)),
      metrics,
    })
  }

  /** An answer that is known. */
  peek(key: string): Answer | undefined {
    return this.#find(key)?.answer
  }

  /**
   * The answer to a question: one that is known or the one that `ask` brings. With `isCurrent`, what was answered before is
   * not good enough; that there was no answer still is.
   *
   * @throws RemoteError, ServerUnreachable what `ask` throws, or threw a little while ago; MatrixError M_LIMIT_EXCEEDED
   *   when too much is being asked.
   */
  async get(key: string, ask: () => Promise<Answer>, { isCurrent = false } = {}): Promise<Answer> {
    const known = this.#find(key)
    if (known?.failure) throw known.failure
    if (known && !isCurrent) return known.answer as Answer
    let asking = this.#asking.get(key)
    if (!asking) {
      if (this.#asking.size >= maxAsking) {
        const fields = { retry_after_ms: 5_000 }
        throw new MatrixError('M_LIMIT_EXCEEDED', 'Too much is being asked of other servers', { fields })
      }
      asking = this.#ask(key, ask).finally(() => this.#asking.delete(key))
      this.#asking.set(key, asking)
    }
    return asking
  }

  #find(key: string): Outcome<Answer> | undefined {
    const outcome = this.#outcomes.get(key)
    return outcome && outcome.until > this.#options.clock.monotonic() ? outcome : undefined
  }

  async #ask(key: string, ask: () => Promise<Answer>): Promise<Answer> {
    const { clock, freshMs, failureMs } = this.#options
    try {
      const answer = await ask()
      this.#outcomes.set(key, { answer, until: clock.monotonic() + freshMs })
      return answer
    } catch (error) {
      if (error instanceof RemoteError || error instanceof ServerUnreachable) {
        this.#outcomes.set(key, { failure: error, until: clock.monotonic() + failureMs })
      }
      throw error
    }
  }
}
