import {
  invalidParam,
  isStorableText,
  isUserId,
  localpartOf,
  MatrixError,
  serverOf,
  type JsonObject,
  type ServerName,
  type UserId,
} from '@hearth/protocol'
import type { Clock } from '@hearth/runtime'
import type {
  NewOutboxEdu,
  OutboxQuota,
  Store,
  Tables,
  ToDeviceMailing,
  ToDeviceMessage,
  ToDeviceQuota,
} from '@hearth/store'
import type { Requester } from '../requester.ts'
import { clientTransaction } from '../rooms/send/transaction-scope.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import type { AddressedMessage } from './addressed-message.ts'
import { directToDeviceContents } from './direct-to-device.ts'

export interface ToDeviceRequest {
  readonly requester: Requester
  readonly type: string
  readonly txnId: string
  /** Contents by user id and device id; `*` for all devices of a user that are not named. */
  readonly messages: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>
}

interface MessageText extends AddressedMessage {
  /** The content as JSON. */
  readonly text: string
}

/** What another server sends. */
export interface HeardMessage {
  readonly sender: UserId
  readonly type: string
  /** What the server calls it by, so that it is taken once. */
  readonly messageId: string
  readonly messages: readonly AddressedMessage[]
}

/** Where messages are announced. */
export type ToDeviceFeed = Pick<StreamFeed, 'publish' | 'reached' | 'writing'>

const MAX_TYPE_BYTES = 255
/** As much as an event may have. */
const MAX_CONTENT_BYTES = 64 * 1024
const MAX_MESSAGES = 10_000
/** Servers that one request may address. */
const MAX_SERVERS = 1_000
const TRANSACTION_MS = 24 * 60 * 60 * 1_000
const HEARD_MS = 7 * TRANSACTION_MS

const quota: ToDeviceQuota = {
  waiting: { messages: 10_000, bytes: 32 * 1024 * 1024 },
  // Wildcards make many of one; while they are written, everybody else who writes waits.
  mailing: { messages: 5_000, bytes: 16 * 1024 * 1024 },
}

const outboxQuota: OutboxQuota = { edus: 10_000, bytes: 32 * 1024 * 1024 }

/**
 * Sends messages to devices. Those of other servers' users wait until their server has taken them. The others wait until the device has taken them; for one that has taken nothing for so long that a
 * quota is full, nothing more is kept.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging}
 */
export class ToDeviceSender {
  readonly #store: Store
  readonly #feed: ToDeviceFeed
  readonly #serverName: ServerName
  readonly #clock: Clock
  readonly #listeners: ((serverNids: readonly number[]) => void)[] = []

  constructor(deps: {
    readonly store: Store
    readonly feed: ToDeviceFeed
    readonly serverName: ServerName
    readonly clock: Clock
  }) {
    this.#store = deps.store
    this.#feed = deps.feed
    this.#serverName = deps.serverName
    this.#clock = deps.clock
  }

  /** Calls back with the servers that messages wait for, once that is committed. */
  onOutgoing(listener: (serverNids: readonly number[]) => void): void {
    this.#listeners.push(listener)
  }

  /**
   * Sends all messages or none; those of a transaction that was completed before are not sent again. Users and devices that
   * do not exist are passed over.
   *
   * @throws MatrixError M_INVALID_PARAM for a type that cannot be and for what is no user id, M_TOO_LARGE.
   */
  async send({ requester, type, txnId, messages }: ToDeviceRequest): Promise<void> {
    checkType(type)
    const addressed = addressedIn(messages)
    const local = addressed.filter(({ userId }) => serverOf(userId) === this.#serverName)
    const edus = await this.#edusOf(requester.userId, type, addressed)
    const transaction = clientTransaction(requester, txnId, 'sendToDevice', type)
    const mailing = { senderNid: requester.userNid, type, messages: local.map(waitingMessage) }
    const now = this.#clock.now()
    await this.#write(mailing, async (tx) => {
      if (!(await tx.toDevice.claim(transaction, now, now - TRANSACTION_MS))) return false
      await tx.fedOutbox.add(edus, now, outboxQuota)
      return true
    })
    if (edus.length === 0) return
    const serverNids = [...new Set(edus.map(({ serverNid }) => serverNid))]
    for (const listener of this.#listeners) listener(serverNids)
  }

  /**
   * Puts a message of another server before the devices of our users, once. What it says for users of other servers is
   * passed over.
   *
   * @throws MatrixError M_INVALID_PARAM for a type that cannot be, M_TOO_LARGE.
   */
  async receive({ sender, type, messageId, messages }: HeardMessage): Promise<void> {
    checkType(type)
    const local = messages.filter(({ userId }) => serverOf(userId) === this.#serverName)
    if (local.length === 0) return
    if (local.length > MAX_MESSAGES) throw tooLarge(`At most ${MAX_MESSAGES} messages can be sent at once`)
    const [senderNid, serverNid] = await Promise.all([
      this.#store.users.intern(sender),
      this.#store.servers.intern(serverOf(sender)),
    ])
    const mailing = { senderNid, type, messages: local.map(withText).map(waitingMessage) }
    const now = this.#clock.now()
    await this.#write(mailing, (tx) => tx.toDevice.claimHeard(serverNid, messageId, now, now - HEARD_MS))
  }

  /** Puts a mailing before its devices if `claim`, in the same transaction, says that it is new. */
  async #write(mailing: ToDeviceMailing, claim: (tx: Tables) => Promise<boolean>): Promise<void> {
    const sent = await this.#feed.writing(() =>
      this.#store.transaction(async (tx) => {
        if (!(await claim(tx)) || mailing.messages.length === 0) return []
        const entries = await tx.toDevice.send(mailing, quota)
        if (!entries) throw tooLarge('These are more messages than can be sent at once')
        return entries
      }),
    )
    const [first] = sent
    if (!first) return
    const changes = sent.map((entry) => ({ kind: 'to-device', ...entry }) as const)
    this.#feed.publish({ firstPos: first.pos, count: changes.length, changes })
    // So that a sync after the answer has it.
    await this.#feed.reached(first.pos + changes.length - 1)
  }

  /** What the servers of the other users are to be sent. */
  async #edusOf(sender: UserId, type: string, messages: readonly MessageText[]): Promise<NewOutboxEdu[]> {
    const byServer = Map.groupBy(messages, ({ userId }) => serverOf(userId))
    byServer.delete(this.#serverName)
    if (byServer.size === 0) return []
    if (byServer.size > MAX_SERVERS) throw tooLarge(`Messages can be sent to at most ${MAX_SERVERS} servers at once`)
    const serverNids = await this.#store.servers.internAll([...byServer.keys()])
    return [...byServer].flatMap(([server, theirs]) =>
      directToDeviceContents(sender, type, theirs).map((content) => ({
        serverNid: serverNids.get(server)!,
        type: 'm.direct_to_device',
        content,
      })),
    )
  }
}

function checkType(type: string): void {
  if (!isStorableText(type) || Buffer.byteLength(type) > MAX_TYPE_BYTES) {
    throw invalidParam(`The type of a message may have at most ${MAX_TYPE_BYTES} bytes, and no NUL`)
  }
}

function addressedIn(messages: ToDeviceRequest['messages']): MessageText[] {
  const addressed: MessageText[] = []
  for (const [userId, contents] of Object.entries(messages)) {
    if (!isUserId(userId)) throw invalidParam('messages: its keys are user ids')
    for (const [deviceId, content] of Object.entries(contents)) {
      if (addressed.length >= MAX_MESSAGES) throw tooLarge(`At most ${MAX_MESSAGES} messages can be sent at once`)
      addressed.push(withText({ userId, deviceId, content }))
    }
  }
  return addressed
}

function withText(message: AddressedMessage): MessageText {
  const text = JSON.stringify(message.content)
  if (Buffer.byteLength(text) > MAX_CONTENT_BYTES) {
    throw tooLarge(`A message may have at most ${MAX_CONTENT_BYTES} bytes`)
  }
  return { ...message, text }
}

function waitingMessage({ userId, deviceId, text }: MessageText): ToDeviceMessage {
  return { localpart: localpartOf(userId), deviceId: deviceId === '*' ? null : deviceId, content: text }
}

function tooLarge(message: string): MatrixError {
  return new MatrixError('M_TOO_LARGE', message)
}
