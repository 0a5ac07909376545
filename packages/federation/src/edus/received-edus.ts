import { contentChecks } from '@hearth/http'
import { isJsonObject, MatrixError, type JsonValue, type ServerName } from '@hearth/protocol'
import { Unavailable, type Logger } from '@hearth/runtime'
import { eduTypes } from './edu-types.ts'
import type { AnyEdu, EduContext } from './edu.ts'

/** Takes in what other servers send besides events. */
export class ReceivedEdus {
  readonly #context: EduContext
  readonly #logger: Logger
  readonly #types: ReadonlyMap<string, AnyEdu>
  readonly #checks: ReturnType<typeof contentChecks>

  constructor(deps: { readonly context: EduContext; readonly logger: Logger }) {
    this.#context = deps.context
    this.#logger = deps.logger
    this.#types = new Map(eduTypes.map((type) => [type.type, type]))
    this.#checks = contentChecks(new Map(eduTypes.map(({ type, content }) => [type, content])))
  }

  /**
   * Takes in the EDUs of one transaction, in order. When it resolves, the transaction may be answered: what matters is
   * committed. One that is malformed, of an unknown type or not for the origin to say is passed over.
   *
   * @throws Unavailable when the origin has to send the transaction again.
   */
  async receive(origin: ServerName, edus: readonly JsonValue[]): Promise<void> {
    for (const each of edus) {
      if (!isJsonObject(each) || typeof each['edu_type'] !== 'string') continue
      const type = this.#types.get(each['edu_type'])
      if (type) await this.#receive(type, origin, each['content'])
    }
  }

  async #receive(edu: AnyEdu, origin: ServerName, content: JsonValue | undefined): Promise<void> {
    const { type } = edu
    try {
      this.#checks.get(type)!(content)
      await edu.receive(this.#context, { origin, content })
    } catch (error) {
      // A transaction that is refused comes again and again: only what may go better then is worth that.
      if (error instanceof Unavailable) throw error
      if (error instanceof MatrixError) this.#logger.debug('passed over an EDU', { origin, type, error })
      else this.#logger.error('an EDU could not be taken in', { origin, type, error })
    }
  }
}
