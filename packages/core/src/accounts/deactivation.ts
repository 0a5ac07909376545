import type { JsonObject } from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type { Jobs } from '../jobs/jobs.ts'
import type { Requester } from '../requester.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import { DELETE_MEDIA } from './delete-media.ts'
import { LEAVE_ROOMS } from './leave-rooms.ts'
import type { GuardedOutcome, Reauthentication } from './reauthentication.ts'

export interface DeactivationRequest {
  readonly requester: Requester
  /** Whether as much as possible of what is kept about the user is to go, and what they sent is not for newcomers. */
  readonly erase: boolean
  /** The whole body. */
  readonly body: JsonObject
  readonly ip: string
}

/** Where erasures are told. */
type ErasureFeed = Pick<StreamFeed, 'publish' | 'reached' | 'writing'>

/**
 * Closes accounts for good. Nobody ever gets the name again: people must be able to tell from a name who has spoken.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#account-deactivation}
 */
export class Deactivation {
  readonly #clock: Clock
  readonly #feed: ErasureFeed | undefined
  readonly #jobs: Jobs
  readonly #reauthentication: Reauthentication

  constructor(deps: {
    readonly clock: Clock
    readonly feed: ErasureFeed | undefined
    readonly jobs: Jobs
    readonly reauthentication: Reauthentication
  }) {
    this.#clock = deps.clock
    this.#feed = deps.feed
    this.#jobs = deps.jobs
    this.#reauthentication = deps.reauthentication
  }

  /**
   * Closes an account, or says what is missing. It is logged out everywhere at once; its rooms are left by a job.
   * @throws MatrixError as `Reauthentication.perform`.
   */
  async deactivate(request: DeactivationRequest): Promise<GuardedOutcome> {
    const { outcome, erasedAt } = await this.#perform(request)
    this.#jobs.wake()
    if (erasedAt !== undefined) {
      const change = { kind: 'erasure', pos: erasedAt, userId: request.requester.userId } as const
      this.#feed?.publish({ firstPos: erasedAt, count: 1, changes: [change] })
      // So that whoever joins a room after the answer does not see what was erased.
      await this.#feed?.reached(erasedAt)
    }
    return outcome
  }

  async #perform({ requester, erase, body, ip }: DeactivationRequest) {
    const { userNid, userId } = requester
    let erasedAt: number | undefined
    const perform = async () => {
      const outcome = await this.#reauthentication.perform(
        { requester, purpose: 'deactivate', body, establish: async () => ({ erase }), ip },
        async (tx, established) => {
          const now = this.#clock.now()
          const erased = established?.['erase'] === true
          await tx.accounts.deactivate(userNid, now, { erase: erased })
          if (erased) await tx.profiles.delete(userNid)
          await tx.devices.deleteAll(userNid)
          await tx.loginTokens.deleteAll(userNid)
          await tx.openIdTokens.deleteAll(userNid)
          await tx.accountData.deleteAll(userNid)
          await tx.filters.deleteAll(userNid)
          await tx.presenceLists.deleteAll(userNid)
          await tx.spaceWalks.deleteAll(userNid)
          const payload = { user_id: userId, user_nid: userNid }
          await tx.jobs.add({ kind: LEAVE_ROOMS, key: userId, payload, now })
          if (erased) {
            const files = { userNid, unlessQuarantined: true }
            await tx.jobs.add({ kind: DELETE_MEDIA, key: userId, payload: files, now })
          }
          // Last, since everybody who writes to the stream waits from here on.
          erasedAt = erased ? await tx.erasures.insert(userNid) : undefined
        },
      )
      return { outcome, erasedAt }
    }
    return this.#feed ? this.#feed.writing(perform) : perform()
  }
}
