import type { FederationClient, PublicRoomsQuery } from '@hearth/federation-client'
import type { ServerName } from '@hearth/protocol'
import type { Clock, Metrics } from '@hearth/runtime'
import type { DirectoryRequest } from '../rooms/room-directory.ts'
import { RemoteAnswers } from './remote-answers.ts'
import { refusalOf } from './remote-refusal.ts'
import { remoteRoom, type RemoteRoom } from './remote-room.ts'

/** What is asked of another server's directory: as of this one's, and which of its networks. */
export interface RemoteDirectoryRequest extends DirectoryRequest {
  readonly network?: string | undefined
  readonly allNetworks?: boolean | undefined
}

/** A page of another server's directory. */
export interface RemoteDirectoryPage {
  readonly rooms: readonly RemoteRoom[]
  /** Tokens of the other server. */
  readonly next?: string
  readonly previous?: string
  readonly total: number
}

const maxPage = 500
const maxTokenLength = 1_000
const deadlineMs = 20_000

/** Asks other servers which rooms they list. {@link https://spec.matrix.org/v1.19/server-server-api/#public-room-directory} */
export class RemoteDirectories {
  readonly #client: Pick<FederationClient, 'publicRooms'>
  readonly #answers: RemoteAnswers<RemoteDirectoryPage>

  constructor(deps: { client: Pick<FederationClient, 'publicRooms'>; clock: Clock; metrics: Metrics }) {
    this.#client = deps.client
    this.#answers = new RemoteAnswers({
      name: 'remote-directories',
      maxBytes: 16 * 1024 * 1024,
      sizeOf: ({ rooms }) => 100 + 2 * JSON.stringify(rooms).length,
      freshMs: 10_000,
      failureMs: 10_000,
      clock: deps.clock,
      metrics: deps.metrics,
    })
  }

  /** @throws MatrixError 502 where the server gives no answer, M_FORBIDDEN where it shows its list to nobody. */
  async list(server: ServerName, request: RemoteDirectoryRequest): Promise<RemoteDirectoryPage> {
    const query = queryOf(request)
    try {
      return await this.#answers.get(JSON.stringify([server, query]), () => this.#ask(server, query))
    } catch (error) {
      throw refusalOf(error, 'The directory of this server')
    }
  }

  async #ask(server: ServerName, query: PublicRoomsQuery): Promise<RemoteDirectoryPage> {
    const answer = await this.#client.publicRooms(server, query, { deadlineMs, ignoreBackOff: true })
    const rooms = answer.chunk.slice(0, maxPage).flatMap((each) => remoteRoom(each) ?? [])
    const [next, previous] = [tokenOf(answer.next_batch), tokenOf(answer.prev_batch)]
    return {
      rooms,
      ...(next !== undefined && { next }),
      ...(previous !== undefined && { previous }),
      total: Math.max(answer.total_room_count_estimate ?? rooms.length, 0),
    }
  }
}

function queryOf({
  limit,
  from,
  searchTerm,
  roomTypes,
  network,
  allNetworks,
}: RemoteDirectoryRequest): PublicRoomsQuery {
  const filter = {
    ...(searchTerm !== undefined && { generic_search_term: searchTerm }),
    ...(roomTypes !== undefined && { room_types: roomTypes }),
  }
  return {
    limit: Math.min(limit || maxPage, maxPage),
    ...(from !== undefined && { since: from }),
    ...(Object.keys(filter).length > 0 && { filter }),
    ...(network !== undefined && { thirdPartyInstanceId: network }),
    ...(allNetworks !== undefined && { includeAllNetworks: allNetworks }),
  }
}

function tokenOf(token: string | undefined): string | undefined {
  return token !== undefined && token.length <= maxTokenLength ? token : undefined
}
