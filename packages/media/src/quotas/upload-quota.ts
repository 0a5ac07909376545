import { MatrixError } from '@hearth/protocol'
import type { Store, Tables } from '@hearth/store'

const EXPLANATION = 'https://spec.matrix.org/v1.19/client-server-api/#common-error-codes'
/** Users' numbers begin with 1. */
const EVERYBODY = 0

export interface UploadQuotaDeps {
  readonly store: Store
  /** What one user may have sent, in bytes; without a limit when absent. */
  readonly perUser: number | undefined
  /** What all users may have sent, in bytes; without a limit when absent. */
  readonly total: number | undefined
  /** Whom to ask for more: a URL. */
  readonly adminContact: string | undefined
}

/** How much users may send. What is deleted counts no longer. */
export class UploadQuota {
  readonly #deps: UploadQuotaDeps

  constructor(deps: UploadQuotaDeps) {
    this.#deps = deps
  }

  /** Refuses a user who has no room left at all, before anything is sent. Throws as `take`. */
  async check(userNid: number): Promise<void> {
    await this.#check(this.#deps.store, userNid, 1)
  }

  /**
   * Refuses a file that is too much, in the transaction that makes it known: of several at once, none is overlooked.
   * @throws MatrixError 403 `M_USER_LIMIT_EXCEEDED`, 403 `M_RESOURCE_LIMIT_EXCEEDED` when the server takes no more of anybody
   */
  async take(tx: Tables, userNid: number, bytes: number): Promise<void> {
    const { perUser, total } = this.#deps
    if (total !== undefined) await tx.mediaCensus.lockUsage(EVERYBODY)
    if (perUser !== undefined) await tx.mediaCensus.lockUsage(userNid)
    await this.#check(tx, userNid, bytes)
  }

  async #check({ mediaCensus }: Pick<Tables, 'mediaCensus'>, userNid: number, bytes: number): Promise<void> {
    const { perUser, total, adminContact } = this.#deps
    if (perUser !== undefined && (await mediaCensus.usage(userNid)) + bytes > perUser) {
      const fields = { info_uri: EXPLANATION }
      throw new MatrixError('M_USER_LIMIT_EXCEEDED', 'You have sent as many files as one user may', { fields })
    }
    if (total !== undefined && (await mediaCensus.usage(null)) + bytes > total) {
      const fields = { admin_contact: adminContact ?? EXPLANATION, limit_type: 'media' }
      throw new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', 'This server takes no more files', { fields })
    }
  }
}
