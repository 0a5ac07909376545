import type { TestClient } from '@hearth/test-kit'
import { expect } from 'vitest'

/** One who sends and one who receives, in a room of both. */
export interface Talk {
  readonly alice: TestClient
  readonly bob: TestClient
  readonly roomId: string
}

/** Sends and receives over the balancer while something happens; gives what was sent and what came, in their order. */
export async function underLoad(
  { alice, bob, roomId }: Talk,
  name: string,
  happening: () => Promise<void>,
): Promise<{ sent: string[]; got: string[] }> {
  let isOver = false
  let isSent = false
  const sent: string[] = []
  const failures: unknown[] = []
  let { next_batch: since } = await bob.sync()
  const sending = (async () => {
    for (let n = 0; !isOver; n += 1) {
      const body = `${name} ${n}`
      try {
        await alice.sendText(roomId, body)
        sent.push(body)
      } catch (error) {
        failures.push(error)
      }
      // What is no idempotent request must not fail either.
      if (n % 10 === 0) await alice.createRoom().catch((error: unknown) => failures.push(error))
    }
  })()
  const got: string[] = []
  const receive = async () => {
    for (let idle = 0; !isSent || (got.length < sent.length && idle < 10);) {
      const answer = await bob.sync({ since, timeout: 2_000 })
      since = answer.next_batch
      const { events = [] } = answer.rooms?.join?.[roomId]?.timeline ?? {}
      got.push(...events.map(({ content }) => content['body'] as string))
      idle = events.length > 0 ? 0 : idle + 1
    }
  }
  const receiving = receive().catch((error: unknown) => failures.push(error))
  try {
    await happening()
  } finally {
    isOver = true
    await sending
    isSent = true
  }
  await receiving
  expect(failures).toEqual([])
  return { sent, got }
}
