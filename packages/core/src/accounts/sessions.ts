import { randomBytes } from 'node:crypto'
import { invalidParam, isDeviceId, isStorableText, MatrixError, type DeviceId } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import { LruCache, type Clock, type Logger, type Metrics } from '@hearth/runtime'
import type { SessionRow, Store, Tables } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { DeviceActivity } from './device-activity.ts'
import { generateToken, tokenHash } from './secret-token.ts'
import { SessionWatches } from './session-watches.ts'
import { expiredToken, lockedAccount, unknownToken } from './token-refusals.ts'

/** The device that somebody logs in with, as far as they say. */
export interface DeviceRequest {
  /** Continues a known device; a new one with a random id when absent. */
  readonly deviceId?: string | undefined
  /** The name of a new device. */
  readonly displayName?: string | undefined
  /** Whether the client can renew its access token: then it expires. */
  readonly refreshable?: boolean | undefined
  readonly ip: string
}

/** A device that is, or was, logged in. */
export interface KnownDevice {
  readonly deviceId: DeviceId
  /** No other device ever has it, one of the same id neither. */
  readonly deviceNid: number
}

/** Tokens that have just been made. They are not kept: this is the only time they are seen. */
export interface GivenTokens {
  readonly accessToken: string
  /** Absent when the access token does not expire. */
  readonly renewal?: {
    readonly refreshToken: string
    /** How long the access token is valid, in milliseconds. */
    readonly expiresInMs: number
  }
}

/** A device that was logged in and is not any more. */
export type GoneDevice = Pick<SessionRow, 'userId' | 'deviceNid'>

/** A session that has just been opened. */
export interface OpenedSession extends KnownDevice, GivenTokens {}

/** Sessions kept in memory, some 300 bytes each. */
const MAX_CACHED = 100_000
/** Devices of one account; beyond it, those that were not seen for longest are logged out. */
const MAX_DEVICES = 1_000
/** How long access tokens of clients that can renew them are valid. */
const ACCESS_TOKEN_LIFETIME_MS = 15 * 60_000
const MAX_DISPLAY_NAME_LENGTH = 255
const PRUNE_EVERY_MS = 10 * 60_000
const changedTopic = 'sessions'

/**
 * Who is logged in. A session is asked for with every request, so it is kept in memory once read; whatever changes or ends
 * one leaves its mark in the database (migration 0003), which every process looks for: this one at once after changes of
 * its own, others when they are told, and every `pollMs`.
 */
export class Sessions {
  readonly #store: Store
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #activity: DeviceActivity
  readonly #pollMs: number
  readonly #bus: Pick<Bus, 'onHint' | 'publish'>
  readonly #cache: LruCache<string, SessionRow>
  readonly #watches: SessionWatches
  readonly #stopping = new AbortController()
  readonly #goneListeners: ((device: GoneDevice) => void)[] = []
  #cursor: string | undefined
  /** Counts what may have made a session that is just being read out of date. */
  #changes = 0
  #prunedAt = 0
  #isLooking = false
  #mustLook = false

  constructor(deps: {
    readonly store: Store
    readonly clock: Clock
    readonly logger: Logger
    readonly activity: DeviceActivity
    /** How often to look for changes by other processes, in milliseconds; 0 for never, if there are none. */
    readonly pollMs: number
    /** Over which other processes are told of changes. */
    readonly bus: Pick<Bus, 'onHint' | 'publish'>
    readonly metrics?: Metrics
  }) {
    this.#store = deps.store
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#activity = deps.activity
    this.#pollMs = deps.pollMs
    this.#bus = deps.bus
    this.#bus.onHint(changedTopic, () => void this.#hear())
    this.#cache = new LruCache({
      name: 'sessions',
      maxEntries: MAX_CACHED,
      ...(deps.metrics && { metrics: deps.metrics }),
    })
    this.#watches = new SessionWatches({
      clock: deps.clock,
      find: (key) => this.#find(Buffer.from(key, 'base64')),
    })
  }

  async start(): Promise<void> {
    this.#cursor = await this.#store.accessTokens.staleCursor()
    if (this.#pollMs > 0) void this.#poll()
  }

  stop(): void {
    this.#stopping.abort()
  }

  /**
   * Who a request with this access token comes from.
   * @throws MatrixError M_UNKNOWN_TOKEN when the token is none, or no longer one; with `soft_logout` when it has expired;
   *   M_USER_LOCKED for a locked account, unless what it asks for is allowed to those.
   */
  async authenticate(accessToken: string, ip: string, { evenLocked = false } = {}): Promise<Requester> {
    const hash = tokenHash('access', accessToken)
    const session = hash && (await this.#find(hash))
    if (session === undefined) throw unknownToken()
    if (session.expiresTs !== null && session.expiresTs <= this.#clock.now()) throw expiredToken()
    if (session.isLocked && !evenLocked) throw lockedAccount()
    // The first request with it tells that the client has got it.
    if (session.isNext && !(await this.#confirm(hash!))) throw unknownToken()
    this.#activity.note(session, ip)
    return session
  }

  /**
   * Calls back with the refusal when the session of an access token ends: at once when this process ends it, and as soon as
   * it is heard of otherwise. The function that is returned ends the watch.
   */
  watch(accessToken: string, onEnd: (refusal: MatrixError) => void): () => void {
    return this.#watches.add(tokenHash('access', accessToken)!.toString('base64'), onEnd)
  }

  /** Calls back when a device is logged out, by whichever process, that has lately asked this one for something. */
  onGone(listener: (device: GoneDevice) => void): void {
    this.#goneListeners.push(listener)
  }

  /**
   * Gives a device its next tokens. Those that it has stay valid until one of these is used, so that a client which does
   * not get the answer can ask again.
   * @throws MatrixError M_UNKNOWN_TOKEN when the refresh token is none, or no longer one.
   * {@link https://spec.matrix.org/v1.19/client-server-api/#refreshing-access-tokens}
   */
  async refresh(refreshToken: string): Promise<Required<GivenTokens>> {
    const hash = tokenHash('refresh', refreshToken)
    const tokens = { accessToken: generateToken('access'), refreshToken: generateToken('refresh') }
    const isKnown =
      hash !== undefined &&
      (await this.changing(() =>
        this.#store.transaction(async (tx) => {
          const device = await tx.refreshTokens.lock(hash)
          if (device === undefined) return false
          if (device.isNext) await tx.refreshTokens.confirmNext(device.deviceNid)
          const now = this.#clock.now()
          const pair = {
            accessHash: tokenHash('access', tokens.accessToken)!,
            refreshHash: tokenHash('refresh', tokens.refreshToken)!,
            expiresTs: now + ACCESS_TOKEN_LIFETIME_MS,
          }
          await tx.refreshTokens.addNext(device.deviceNid, pair, now)
          return true
        }),
      ))
    if (!isKnown) throw new MatrixError('M_UNKNOWN_TOKEN', 'Unknown refresh token')
    const { accessToken, ...renewal } = tokens
    return { accessToken, renewal: { ...renewal, expiresInMs: ACCESS_TOKEN_LIFETIME_MS } }
  }

  /**
   * Logs a device in. It loses the access tokens that it had. `store` may be a transaction.
   * @throws MatrixError M_INVALID_PARAM for a device id or name that cannot be.
   */
  async open(store: Tables, userNid: number, device: DeviceRequest): Promise<OpenedSession> {
    checkDevice(device)
    const now = this.#clock.now()
    const deviceId = (device.deviceId ?? generateDeviceId()) as DeviceId
    const displayName = device.displayName ?? null
    const deviceNid = await store.devices.upsert({ userNid, deviceId, displayName, now, ip: device.ip })
    await store.devices.deleteLeastRecentlySeen(userNid, MAX_DEVICES)
    return { deviceId, deviceNid, ...(await this.#giveTokens(store, deviceNid, device.refreshable)) }
  }

  /** Logs a device in again that is logged in, at the cost of the access token that it has; undefined when it is not. */
  async renew(
    { deviceId, deviceNid }: KnownDevice,
    { ip, refreshable }: Pick<DeviceRequest, 'ip' | 'refreshable'>,
  ): Promise<OpenedSession | undefined> {
    const tokens = await this.changing(() =>
      this.#store.transaction(async (tx) =>
        (await tx.devices.touch(deviceNid, this.#clock.now(), ip))
          ? this.#giveTokens(tx, deviceNid, refreshable)
          : undefined,
      ),
    )
    return tokens && { deviceId, deviceNid, ...tokens }
  }

  /** Logs a device out: it goes, with its access token. */
  async close({ deviceNid }: Requester): Promise<void> {
    await this.changing(() => this.#store.devices.delete(deviceNid))
  }

  /** Logs all devices of a user out. */
  async closeAll({ userNid }: Requester): Promise<void> {
    await this.changing(() => this.#store.devices.deleteAll(userNid))
  }

  /** Carries out what ends or changes sessions. Before it resolves these are forgotten, and requests that wait in them end. */
  async changing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } finally {
      // After a failure too: when only the answer was lost, the change was made.
      this.#bus.publish(changedTopic, {})
      await this.#refresh()
    }
  }

  /** Forgets what has changed in the database until now. */
  async #refresh(): Promise<void> {
    try {
      this.#cursor ??= await this.#store.accessTokens.staleCursor()
      const { tokenHashes, cursor } = await this.#store.accessTokens.listStale(this.#cursor)
      if (tokenHashes.length > 0) this.#changes++
      const keys = tokenHashes.map((hash) => hash.toString('base64'))
      const known = keys.flatMap((key) => this.#cache.get(key) ?? [])
      for (const key of keys) this.#cache.delete(key)
      await Promise.all(keys.map(async (key) => this.#watches.check(key)))
      await this.#tellGone(known)
      this.#cursor = cursor
    } catch (error) {
      // What has changed is unknown: better to read everything again than to let anybody in who must stay out.
      this.#changes++
      this.#cache.clear()
      throw error
    }
  }

  /** Tells which of these sessions have ended with their device: others go on with other tokens. */
  async #tellGone(sessions: readonly SessionRow[]): Promise<void> {
    for (const { userId, userNid, deviceId, deviceNid } of sessions) {
      if (await this.#store.devices.find(userNid, deviceId)) continue
      for (const listener of this.#goneListeners) listener({ userId, deviceNid })
    }
  }

  /** Gives a device tokens in the place of those that it has. */
  async #giveTokens(tables: Tables, deviceNid: number, refreshable = false): Promise<GivenTokens> {
    const now = this.#clock.now()
    const accessToken = generateToken('access')
    const expiresTs = refreshable ? now + ACCESS_TOKEN_LIFETIME_MS : null
    await tables.accessTokens.replace(deviceNid, tokenHash('access', accessToken)!, now, expiresTs)
    if (!refreshable) {
      await tables.refreshTokens.deleteOfDevice(deviceNid)
      return { accessToken }
    }
    const refreshToken = generateToken('refresh')
    await tables.refreshTokens.replace(deviceNid, tokenHash('refresh', refreshToken)!, now)
    return { accessToken, renewal: { refreshToken, expiresInMs: ACCESS_TOKEN_LIFETIME_MS } }
  }

  /** Ends the tokens before this one, which has been used; false when it is none any more. */
  async #confirm(hash: Buffer): Promise<boolean> {
    return this.changing(() =>
      this.#store.transaction(async (tx) => {
        const token = await tx.accessTokens.lock(hash)
        if (token?.isNext === true) await tx.refreshTokens.confirmNext(token.deviceNid)
        return token !== undefined
      }),
    )
  }

  async #find(hash: Buffer): Promise<SessionRow | undefined> {
    const key = hash.toString('base64')
    const cached = this.#cache.get(key)
    if (cached !== undefined) return cached
    const changes = this.#changes
    const session = await this.#store.accessTokens.find(hash)
    // What was read before a change must not be kept after it, and what changes with its first use not before that.
    if (session !== undefined && !session.isNext && changes === this.#changes) this.#cache.set(key, session)
    return session
  }

  async #hear(): Promise<void> {
    // One look at a time, and another for whatever is told meanwhile.
    this.#mustLook = true
    if (this.#isLooking) return
    this.#isLooking = true
    while (this.#mustLook && !this.#stopping.signal.aborted) {
      this.#mustLook = false
      await this.#refresh().catch((error: unknown) => {
        this.#logger.warn('could not look for ended sessions; will try again', { error })
      })
    }
    this.#isLooking = false
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#clock.sleep(this.#pollMs, signal)
        await this.#refresh()
        await this.#prune()
      } catch (error) {
        if (!signal.aborted) this.#logger.warn('could not look for ended sessions; will try again', { error })
      }
    }
  }

  async #prune(): Promise<void> {
    const now = this.#clock.monotonic()
    if (now - this.#prunedAt < PRUNE_EVERY_MS) return
    this.#prunedAt = now
    await this.#store.accessTokens.pruneStale()
  }
}

/** Refuses a device that could not be logged in, before anything is done for it. */
export function checkDevice({ deviceId, displayName }: Pick<DeviceRequest, 'deviceId' | 'displayName'>): void {
  if (deviceId !== undefined && !isDeviceId(deviceId))
    throw invalidParam('The device id has more than 255 bytes, or none')
  if (displayName !== undefined && (displayName.length > MAX_DISPLAY_NAME_LENGTH || !isStorableText(displayName))) {
    throw invalidParam(
      `The device's name has more than ${MAX_DISPLAY_NAME_LENGTH} characters, or some that cannot be kept`,
    )
  }
}

/** Ten capitals, as clients like to show them. */
function generateDeviceId(): string {
  return Array.from(randomBytes(10), (byte) => String.fromCharCode(65 + (byte % 26))).join('')
}
