import { setTimeout as sleep } from 'node:timers/promises'
import type { SyncAnswer, TestClient } from '@hearth/test-kit'

let names = 0

/** A client that sends one message after the other, and takes what comes, as clients do: what is cut off is repeated. */
export class Talker {
  /** The ids of the messages that came, of everybody. */
  readonly got: string[] = []
  readonly #client: TestClient
  readonly #roomId: string
  readonly #name = `talker ${(names += 1)}`
  readonly #sent: string[] = []
  #sending: Promise<void> | undefined
  #receiving: Promise<void> | undefined
  #isSending = true
  #isReceiving = true

  constructor(client: TestClient, roomId: string) {
    this.#client = client
    this.#roomId = roomId
  }

  start(): void {
    this.#sending = this.#send()
    this.#receiving = this.#receive()
  }

  /** Ends with what has been begun; gives the ids of all that was acknowledged. */
  async stopSending(): Promise<readonly string[]> {
    this.#isSending = false
    await this.#sending
    return this.#sent
  }

  async stop(): Promise<void> {
    this.#isReceiving = false
    await this.#receiving
  }

  async #send(): Promise<void> {
    for (let n = 0; this.#isSending; n += 1) {
      const txnId = `${this.#name} ${n}`
      const content = { msgtype: 'm.text', body: txnId }
      this.#sent.push(
        await this.#untilAnswered(() => this.#client.send(this.#roomId, 'm.room.message', content, txnId)),
      )
    }
  }

  async #receive(): Promise<void> {
    // Everybody's first sync shows a room without messages.
    let since: string | undefined
    while (this.#isReceiving) {
      const query = { since, timeout: 2_000, filter: '{"room":{"timeline":{"limit":1000}}}' }
      const answer: SyncAnswer = await this.#untilAnswered(() => this.#client.sync(query))
      since = answer.next_batch
      const { events = [] } = answer.rooms?.join?.[this.#roomId]?.timeline ?? {}
      this.got.push(...events.filter(({ type }) => type === 'm.room.message').map(({ event_id }) => event_id))
    }
  }

  async #untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await ask()
      } catch (error) {
        if (tries > 200) throw error
        await sleep(100)
      }
    }
  }
}
