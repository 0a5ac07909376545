import { VerifyKey } from '@hearth/crypto'
import { RemoteError, ServerUnreachable, type FederationClient } from '@hearth/federation-client'
import {
  forbidden,
  isJsonObject,
  isServerName,
  MatrixError,
  type EventId,
  type JsonObject,
  type ServerName,
} from '@hearth/protocol'
import { canonicalEventJson, checkEventSize, policyKeyId, signedPart, type RoomVersion } from '@hearth/rooms'
import { LruCache, type Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { ReceivedEvent } from '../receive/received-event.ts'
import type { VerifiedEvent } from '../receive/verified-event.ts'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'

/** The server whose word a room asks for on each of its events, and the key that it signs them with. */
export interface RoomPolicy {
  readonly server: ServerName
  readonly key: VerifyKey
}

export interface PolicyServersDeps {
  readonly store: Pick<Store, 'eventTypes' | 'roomServers' | 'servers'>
  readonly events: Pick<RoomEvents, 'findState'>
  readonly client: Pick<FederationClient, 'askPolicyServerToSign'>
  readonly serverName: string
  readonly clock: Clock
}

/** How long a policy server may take, in milliseconds: somebody waits. */
const askMs = 5_000
/** How long one that did not answer is not asked, in milliseconds: what waits for it waits once. */
const silenceMs = 10_000
const maxAnswers = 10_000
const maxSilent = 1_000

/**
 * Rooms can name a server that says of each event whether it is wanted, by signing it. What it refuses is not sent by us,
 * and is soft-failed when others send it; as long as it cannot be asked, nothing is wanted but a change of the policy.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#policy-servers}
 */
export class PolicyServers {
  readonly #deps: PolicyServersDeps
  /** What was answered, by policy server and event: an event that waits for others is looked at more than once. */
  readonly #answers = new LruCache<string, string | MatrixError>({ name: 'policy-answers', maxEntries: maxAnswers })
  /** Until when policy servers are not asked. */
  readonly #silentUntil = new LruCache<ServerName, number>({ name: 'policy-silence', maxEntries: maxSilent })

  constructor(deps: PolicyServersDeps) {
    this.#deps = deps
  }

  /** Makes the policies' type known, so that rooms without one cost no query. */
  async start(): Promise<void> {
    await this.#deps.store.eventTypes.intern(policyType)
  }

  /** The policy server of a room; none where nobody of it is in the room, or where it is this server, which is none. */
  async of(room: Room): Promise<RoomPolicy | undefined> {
    const { store, events, serverName } = this.#deps
    const policy = await events.findState(room.head.state, policyType, '')
    if (policy === undefined) return undefined
    const { via, public_keys: publicKeys } = policy.pdu.content
    const publicKey = isJsonObject(publicKeys) ? publicKeys['ed25519'] : undefined
    const key = typeof publicKey === 'string' ? VerifyKey.import(publicKey) : undefined
    if (key === undefined || typeof via !== 'string' || !isServerName(via) || via === serverName) return undefined
    const serverNid = await store.servers.find(via)
    const place = serverNid === undefined ? undefined : await store.roomServers.find(room.nid, serverNid)
    return place !== undefined && place.joined > 0 ? { server: via, key } : undefined
  }

  /**
   * An event with the policy server's signature, which is asked for unless the event has it.
   *
   * @throws MatrixError M_FORBIDDEN when the policy server refuses it; M_UNKNOWN, 502, when it cannot be asked.
   */
  async sign({ version }: Pick<Room, 'version'>, policy: RoomPolicy, event: VerifiedEvent): Promise<VerifiedEvent> {
    const { pdu, eventId } = event.event
    if (pdu.type === policyType && pdu.state_key === '') return event
    const text = signedPart(version, pdu)
    const present = pdu.signatures[policy.server]?.[policyKeyId]
    if (present !== undefined && (await policy.key.verifyInPool(text, present))) return event
    const signature = await this.#ask(policy, eventId, pdu)
    if (!(await policy.key.verifyInPool(text, signature))) {
      throw forbidden(`${policy.server} has not signed the event with the key that the room names`)
    }
    return withSignature(version, event, policy.server, signature)
  }

  /** Received events as the room's policy server judges them: signed by it, or marked as spam. */
  async screen(room: Room, received: readonly ReceivedEvent[]): Promise<readonly ReceivedEvent[]> {
    const policy = await this.of(room)
    if (policy === undefined) return received
    return Promise.all(
      received.map(async (event) => {
        try {
          return { ...event, ...(await this.sign(room, policy, event)) }
        } catch (error) {
          if (!(error instanceof MatrixError)) throw error
          return { ...event, spam: `the room's policy server: ${error.message}` }
        }
      }),
    )
  }

  async #ask({ server }: RoomPolicy, eventId: EventId, pdu: JsonObject): Promise<string> {
    const key = `${server} ${eventId}`
    const known = this.#answers.get(key)
    if (known instanceof MatrixError) throw known
    if (known !== undefined) return known
    const { client, clock } = this.#deps
    if (clock.monotonic() < (this.#silentUntil.get(server) ?? 0)) throw silent(server)
    try {
      const signatures = await client.askPolicyServerToSign(server, pdu, { deadlineMs: askMs, ignoreBackOff: true })
      const ofServer = Object.hasOwn(signatures, server) ? signatures[server] : undefined
      const signature = isJsonObject(ofServer) ? ofServer[policyKeyId] : undefined
      if (typeof signature !== 'string') throw forbidden(`${server} has not signed the event`)
      this.#answers.set(key, signature)
      return signature
    } catch (error) {
      if (error instanceof ServerUnreachable) this.#silentUntil.set(server, clock.monotonic() + silenceMs)
      const refusal = refusalOf(server, error)
      if (refusal.errcode === 'M_FORBIDDEN') this.#answers.set(key, refusal)
      throw refusal
    }
  }
}

const policyType = 'm.room.policy'

/** What passes is no answer: it is asked for again. */
function refusalOf(server: ServerName, error: unknown): MatrixError {
  if (error instanceof MatrixError) return error
  if (error instanceof RemoteError && error.status < 500 && error.status !== 429) return forbidden(error.message)
  if (!(error instanceof RemoteError) && !(error instanceof ServerUnreachable)) throw error
  return silent(server, error)
}

function silent(server: ServerName, cause?: unknown): MatrixError {
  const message = `${server}, which this room asks about its events, cannot be asked`
  return new MatrixError('M_UNKNOWN', message, { status: 502, cause })
}

function withSignature(
  version: RoomVersion,
  { event }: VerifiedEvent,
  server: ServerName,
  signature: string,
): VerifiedEvent {
  const { signatures } = event.pdu
  const ofServer = { ...signatures[server], [policyKeyId]: signature }
  const pdu = { ...event.pdu, signatures: { ...signatures, [server]: ofServer } }
  const json = canonicalEventJson(version, pdu)
  const fault = checkEventSize(json)
  if (fault !== undefined) throw new MatrixError('M_TOO_LARGE', fault)
  return { event: { ...event, pdu }, json }
}
