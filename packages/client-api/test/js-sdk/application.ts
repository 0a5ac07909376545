import { quiet } from './quiet-logger.ts'
import type { TestClient, TestServer } from '@hearth/test-kit'
import { ClientEvent, createClient, SyncState, type MatrixClient, type MatrixEvent, type Room } from 'matrix-js-sdk'
import { expect } from 'vitest'

/** How long an application may take to come to know of something. */
const patience = { timeout: 15_000, interval: 10 }

/** matrix-js-sdk as an application uses it: one device that syncs. */
export class Application {
  readonly client: MatrixClient

  private constructor(client: MatrixClient) {
    this.client = client
  }

  /** Starts with the session of a device, and resolves when the first sync has come. */
  static async start(server: TestServer, session: TestClient): Promise<Application> {
    const { userId, deviceId, accessToken } = session
    const client = createClient({
      baseUrl: server.url,
      userId,
      deviceId,
      accessToken,
      timelineSupport: true,
      logger: quiet,
    })
    const application = new Application(client)
    const prepared = new Promise<void>((resolve) => {
      client.on(ClientEvent.Sync, (state) => {
        if (state === SyncState.Prepared) resolve()
      })
    })
    await client.startClient({ initialSyncLimit: 8, lazyLoadMembers: true, threadSupport: true, pollTimeout: 30_000 })
    await prepared
    return application
  }

  get userId(): string {
    return this.client.getSafeUserId()
  }

  stop(): void {
    this.client.stopClient()
  }

  /** A room that the application knows of, now or soon. */
  async room(roomId: string): Promise<Room> {
    return this.seen(() => this.client.getRoom(roomId) ?? undefined)
  }

  /** An event of a room that the application knows of, now or soon. */
  async event(roomId: string, eventId: string): Promise<MatrixEvent> {
    return this.seen(() => this.client.getRoom(roomId)?.findEventById(eventId))
  }

  /** What a look at the application gives as soon as it gives anything. */
  async seen<Value>(look: () => Value | undefined | null | false): Promise<Value> {
    let value: Value | undefined | null | false
    await expect.poll(() => Boolean((value = look())), patience).toBe(true)
    return value as Value
  }
}
