import { createHash } from 'node:crypto'
import { isUserId, s, type JsonObject, type RoomId, type Schema, type ServerName, type UserId } from '@hearth/protocol'
import { AnswerChecks } from '../requests/answer-checks.ts'
import { readWhole } from '../requests/read-answer.ts'
import { InvalidAnswer, ServerUnreachable } from '../server-unreachable.ts'
import type { WebClient, WebMessage } from '../web/web-client.ts'

/** An identity server that a user has an account with, and the token that says so. */
export interface IdentityServerAccess {
  readonly server: ServerName
  readonly accessToken: string
}

/** An address of a person: `email` and an email address, `msisdn` and a telephone number. */
export interface Address {
  readonly medium: string
  readonly address: string
}

/** An invitation for whoever has an address, with what the identity server tells them of it. */
export interface AddressInvite extends Address {
  readonly roomId: RoomId
  readonly sender: UserId
  /** Names and pictures of the room and of the sender, by the specification's names. */
  readonly shown: Readonly<Record<string, string>>
}

/** What an identity server keeps of an invitation, for the room's state. */
export interface StoredInvite {
  readonly token: string
  readonly displayName: string
  readonly publicKeys: readonly { readonly publicKey: string; readonly keyValidityUrl?: string }[]
}

const maxAnswerBytes = 64 * 1024
/** In milliseconds: somebody waits for it. */
const limits = { connectMs: 5_000, firstByteMs: 10_000, idleMs: 5_000, totalMs: 15_000 }

const hashDetails = s.object({ algorithms: s.array(s.string), lookup_pepper: s.string })
/** Some servers say null of an address that nobody has. */
const lookup = s.object({ mappings: s.record<unknown>(s.unknown) })
const storedInvite = s.object({
  token: s.string,
  display_name: s.string,
  public_keys: s.array(s.object({ public_key: s.string, key_validity_url: s.optional(s.string) })),
})
const validity = s.object({ valid: s.boolean })

/**
 * Asks identity servers, which know whose an address is. Users and rooms name them: they are strangers, like any web page.
 * {@link https://spec.matrix.org/v1.19/identity-service-api/}
 */
export class IdentityServers {
  readonly #web: Pick<WebClient, 'tell'>
  readonly #checks = new AnswerChecks()

  constructor({ webClient }: { webClient: Pick<WebClient, 'tell'> }) {
    this.#web = webClient
  }

  /** Whose an address is, if anybody has said so. The address itself is not told. @throws ServerUnreachable */
  async findUser(access: IdentityServerAccess, { medium, address }: Address): Promise<UserId | undefined> {
    const { algorithms, lookup_pepper: pepper } = await this.#ask(access, '/hash_details', hashDetails)
    if (!algorithms.includes('sha256')) {
      throw new ServerUnreachable(access.server, new InvalidAnswer('it takes no hashes of addresses'))
    }
    const hash = createHash('sha256').update(`${address} ${medium} ${pepper}`).digest('base64url')
    const question = { algorithm: 'sha256', pepper, addresses: [hash] }
    const { mappings } = await this.#ask(access, '/lookup', lookup, question)
    const found = Object.hasOwn(mappings, hash) ? mappings[hash] : undefined
    return typeof found === 'string' && isUserId(found) ? found : undefined
  }

  /** Leaves an invitation for whoever turns out to have an address. @throws ServerUnreachable */
  async storeInvite(access: IdentityServerAccess, invite: AddressInvite): Promise<StoredInvite> {
    const { medium, address, roomId, sender, shown } = invite
    const body = { ...shown, medium, address, room_id: roomId, sender }
    const stored = await this.#ask(access, '/store-invite', storedInvite, body)
    return {
      token: stored.token,
      displayName: stored.display_name,
      publicKeys: stored.public_keys.map(({ public_key: publicKey, key_validity_url: keyValidityUrl }) => ({
        publicKey,
        ...(keyValidityUrl !== undefined && { keyValidityUrl }),
      })),
    }
  }

  /** Whether a key still stands for its identity server, by the address that an invitation gives. False when nobody says so. */
  async isKeyValid(keyValidityUrl: string, publicKey: string): Promise<boolean> {
    const url = URL.parse(keyValidityUrl)
    if (url === null) return false
    url.searchParams.set('public_key', publicKey)
    try {
      return (await this.#read(url, {}, validity)).valid
    } catch {
      return false
    }
  }

  async #ask<Answer>(
    { server, accessToken }: IdentityServerAccess,
    path: string,
    schema: Schema<Answer>,
    json?: JsonObject,
  ): Promise<Answer> {
    try {
      const url = new URL(`https://${server}/_matrix/identity/v2${path}`)
      return await this.#read(url, { bearer: accessToken, ...(json && { json }) }, schema)
    } catch (error) {
      throw new ServerUnreachable(server, error)
    }
  }

  async #read<Answer>(url: URL, said: Pick<WebMessage, 'bearer' | 'json'>, schema: Schema<Answer>): Promise<Answer> {
    const fixed = { accept: 'application/json', limits, maxBytes: maxAnswerBytes, httpsOnly: true }
    using answer = await this.#web.tell(url, { ...fixed, ...said })
    if (answer.status !== 200) throw new InvalidAnswer(`its status is ${answer.status}`)
    return this.#checks.check(await readWhole(answer.body()), schema)
  }
}
