import type { Bus } from '@hearth/queues'
import type { Clock } from '@hearth/runtime'
import type { PresenceState } from '../presence/presence-state.ts'
import type { Presence } from '../presence/presence.ts'
import type { Requester } from '../requester.ts'
import { parseSyncToken } from '../rooms/position-token.ts'
import type { StreamFeed } from './stream-feed.ts'
import type { SyncAnswers } from './sync-answer.ts'
import type { SyncFilter } from './sync-filter.ts'
import type { SyncIndex } from './sync-index.ts'
import { givenUpTo, type ToDeviceMessages } from './to-device-messages.ts'
import { waitForNews } from './wait-for-news.ts'

export interface SyncRequest {
  readonly requester: Requester
  readonly since?: string | undefined
  /** How long to wait for news, in milliseconds. */
  readonly timeoutMs: number
  readonly filter: SyncFilter
  /** What following the account says of the user; online when absent. */
  readonly setPresence?: PresenceState | undefined
  readonly fullState: boolean
  readonly useStateAfter: boolean
  /** Aborted when nobody reads the answer any more, and when the server stops. */
  readonly signal: AbortSignal
}

/** The longest wait, whatever the client asks for. */
const maxTimeoutMs = 180_000

/**
 * What happened in a user's account since a token, or all of it.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync}
 */
export class Sync {
  readonly #deps: {
    readonly feed: StreamFeed
    readonly index: SyncIndex
    readonly answers: SyncAnswers
    readonly toDevice: ToDeviceMessages
    readonly bus: Pick<Bus, 'last'>
    readonly presence: Presence
    readonly clock: Clock
  }

  constructor(deps: {
    feed: StreamFeed
    index: SyncIndex
    answers: SyncAnswers
    toDevice: ToDeviceMessages
    bus: Pick<Bus, 'last'>
    presence: Presence
    clock: Clock
  }) {
    this.#deps = deps
  }

  /**
   * Answers at once with whatever is new, and waits for news otherwise.
   *
   * @returns the answer as JSON, in pieces that are made while they are sent where it may be long.
   * @throws MatrixError M_INVALID_PARAM for a bad token; the signal's reason when it is aborted during a long answer.
   */
  async sync(request: SyncRequest): Promise<string | AsyncIterable<string>> {
    const { requester, setPresence = 'online' } = request
    // Before anybody is told: their presence has to find the user's rooms in memory.
    await this.#deps.index.user(requester.userNid, requester.userId)
    const release = await this.#deps.presence.follow(requester, setPresence)
    try {
      return await this.#answer(request)
    } finally {
      release()
    }
  }

  async #answer(request: SyncRequest): Promise<string | AsyncIterable<string>> {
    const { requester, filter, fullState, useStateAfter, signal } = request
    const { feed, index, answers, toDevice, bus, clock } = this.#deps
    const deadline = clock.monotonic() + Math.min(request.timeoutMs, maxTimeoutMs)
    const isContinued = request.since !== undefined
    const known = request.since === undefined ? undefined : parseSyncToken(request.since)
    const since = known && (await this.#knownPosition(known.position))
    const given = givenUpTo({ since, known })
    await toDevice.acknowledge(requester, await index.user(requester.userNid, requester.userId), given)
    for (;;) {
      const user = await index.user(requester.userNid, requester.userId)
      const inbox = user.inboxOf(requester.deviceNid)
      // The wish to be woken comes before the position is read: what is committed in between is not slept through.
      const wake = waitForNews(clock, [user.waiters, inbox.waiters], signal)
      try {
        const { position } = feed
        const { last: serial } = bus
        const view = { requester, since, known, isContinued, position, serial, filter, fullState, useStateAfter }
        // Another process may be ahead of this one: its token is as good, and its news come in time.
        const isAhead = since !== undefined && since > position
        const answer = isAhead ? undefined : await answers.build(view, user, signal)
        if (answer !== undefined) return answer
        const remainingMs = deadline - clock.monotonic()
        if (fullState || remainingMs <= 0 || signal.aborted) {
          const reached = isAhead ? { position: since, toDevice: given } : { position, toDevice: position }
          return `{"next_batch":"${answers.tokenOf({ serial, ...reached }, user)}"}`
        }
        await wake.orTimeout(remainingMs)
      } finally {
        wake.cancel()
      }
    }
  }

  /**
   * The position that a client shows; undefined for one that the stream has never come to. Such a token is left from before
   * the database was restored from a backup: its owner gets everything anew rather than nothing until the stream is there.
   */
  async #knownPosition(position: number): Promise<number | undefined> {
    return (await this.#deps.feed.catchUp(position)) ? position : undefined
  }
}
