import { randomBytes } from 'node:crypto'
import { isJsonObject, type JsonObject } from '@hearth/protocol'
import type { Clock, Counter, Logger, Metrics } from '@hearth/runtime'
import type { Bus, HintListener, OrderedListener } from './bus.ts'
import { BusListeners } from './listeners.ts'
import { RedisConnection } from './redis-connection.ts'

export interface RedisBusDeps {
  readonly url: string
  /** Begins the names of everything in Redis; no other deployment has the same. */
  readonly prefix: string
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics?: Metrics
}

const connectWaitMs = 2_000
/** Messages on their way to Redis; beyond it further ones are dropped. */
const maxUnanswered = 2_000
/** What is longer is not sent: it would hold up everybody. */
const maxMessageBytes = 256 * 1024
const helloTopic = 'hello'

/**
 * Gives a message its serial and tells it, in one step. The serial is later than every one before it, than all that the
 * sender knows of (Redis may have been emptied), and else the time, so that it never falls behind what processes that
 * were by themselves have counted.
 */
const orderScript = `
local time = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
local serial = math.max(last + 1, time[1] * 1000000 + time[2], tonumber(ARGV[1]) + 1)
redis.call('SET', KEYS[1], string.format('%.0f', serial))
redis.call('PUBLISH', ARGV[2], string.format('%.0f %.0f ', last, serial) .. ARGV[3])
return string.format('%.0f', serial)`

interface OrderClient {
  hearthOrder(key: string, last: number, channel: string, body: string): Promise<string>
}

/** The bus of several processes: Redis's publish and subscribe. */
export class RedisBus implements Bus {
  readonly isShared = true
  readonly #deps: RedisBusDeps
  readonly #listeners: BusListeners
  readonly #sender: RedisConnection
  readonly #receiver: RedisConnection
  readonly #id = randomBytes(6).toString('base64url')
  readonly #channels: { readonly hints: string; readonly ordered: string }
  readonly #dropped: Counter | undefined
  #start: number
  #last: number
  /** The serial of the last ordered message that came from Redis. */
  #heard = 0
  #unanswered = 0
  #isSubscribed = false

  constructor(deps: RedisBusDeps) {
    this.#deps = deps
    this.#listeners = new BusListeners(deps.logger)
    this.#sender = new RedisConnection({ ...deps, name: 'bus' })
    this.#sender.client.defineCommand('hearthOrder', { numberOfKeys: 1, lua: orderScript })
    this.#receiver = new RedisConnection({ ...deps, name: 'bus-subscriber' })
    this.#channels = { hints: `${deps.prefix}hints`, ordered: `${deps.prefix}ordered` }
    this.#start = this.#last = deps.clock.now() * 1_000
    this.#dropped = deps.metrics?.counter({
      name: 'hearth_bus_dropped_total',
      help: 'Messages to other processes that were dropped because Redis was away or slow',
    })
    this.#receiver.client.on('message', (channel: string, text: string) => this.#receive(channel, text))
    this.#receiver.client.on('close', () => (this.#isSubscribed = false))
    this.#receiver.onReady(() => void this.#subscribe())
  }

  get start(): number {
    return this.#start
  }

  get last(): number {
    return this.#last
  }

  get isConnected(): boolean {
    return this.#isSubscribed && this.#sender.isReady
  }

  publish(topic: string, message: JsonObject): void {
    const text = JSON.stringify([this.#id, topic, message])
    if (this.#maySend(text)) this.#answered(this.#sender.client.publish(this.#channels.hints, text))
  }

  order(topic: string, message: JsonObject): void {
    const text = JSON.stringify([this.#id, topic, message])
    const alone = (): void => this.#deliver(topic, message, this.#last + 1)
    if (!this.#maySend(text)) return alone()
    const sent = this.#order(text)
    // It comes back from Redis like everybody else's, unless nothing does.
    if (this.#isSubscribed) sent.catch(alone)
    else alone()
    this.#answered(sent)
  }

  onHint(topic: string, listener: HintListener): void {
    this.#listeners.onHint(topic, listener)
  }

  onOrdered(topic: string, listener: OrderedListener): void {
    this.#listeners.onOrdered(topic, listener)
  }

  onGap(listener: () => void): void {
    this.#listeners.onGap(listener)
  }

  async begin(): Promise<void> {
    await this.#sender.open(connectWaitMs)
    await this.#receiver.open(connectWaitMs)
    if (!this.#sender.isReady) return
    // Whatever has a serial up to this one was before this process.
    const serial = await this.#order(JSON.stringify([this.#id, helloTopic, {}])).catch(() => undefined)
    if (serial !== undefined) this.#start = this.#last = Math.max(Number(serial), this.#last)
  }

  async end(): Promise<void> {
    this.#sender.close()
    this.#receiver.close()
  }

  #order(text: string): Promise<string> {
    const client = this.#sender.client as unknown as OrderClient
    return client.hearthOrder(`${this.#deps.prefix}serial`, this.#last, this.#channels.ordered, text)
  }

  #maySend(text: string): boolean {
    if (this.#sender.isReady && this.#unanswered < maxUnanswered && text.length <= maxMessageBytes) return true
    this.#dropped?.inc()
    return false
  }

  #answered(sent: Promise<unknown>): void {
    this.#unanswered += 1
    sent
      .catch(() => this.#dropped?.inc())
      .then(
        () => (this.#unanswered -= 1),
        () => undefined,
      )
  }

  async #subscribe(): Promise<void> {
    try {
      await this.#receiver.client.subscribe(this.#channels.hints, this.#channels.ordered)
      this.#isSubscribed = true
      this.#heard = 0
      this.#listeners.gap()
    } catch {
      // The connection is made anew, and then this is tried again.
      this.#receiver.client.disconnect(true)
    }
  }

  #receive(channel: string, text: string): void {
    const isOrdered = channel === this.#channels.ordered
    const match = isOrdered ? /^(\d{1,16}) (\d{1,16}) /.exec(text) : undefined
    if (match === null) return
    const [sender, topic, message] = parsed(match ? text.slice(match[0].length) : text)
    if (typeof sender !== 'string' || typeof topic !== 'string' || !isJsonObject(message)) return
    if (!match) {
      if (sender !== this.#id) this.#listeners.hint(topic, message)
      return
    }
    const [before, serial] = [Number(match[1]), Number(match[2])]
    const isMissing = this.#heard !== 0 && before !== this.#heard
    this.#heard = serial
    this.#deliver(topic, message, serial)
    if (isMissing) this.#listeners.gap()
  }

  #deliver(topic: string, message: JsonObject, serial: number): void {
    // One that was by itself for a while may be ahead; it never goes back.
    this.#last = serial >= this.#last ? serial : this.#last + 1
    this.#listeners.ordered(topic, message, this.#last)
  }
}

/** What came from Redis may be anything. */
function parsed(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}
