import { describe, expect, it } from 'vitest'
import { Mailboxes } from './mailbox.ts'

describe('Mailboxes', () => {
  it('works off a key in order and never twice at a time, while others go on', async () => {
    const log: string[] = []
    let running = 0
    const { promise: done, resolve } = Promise.withResolvers<void>()
    const mailboxes: Mailboxes<number> = new Mailboxes<number>({
      maxBatch: 2,
      maxWaiting: 10,
      async work(key, batch) {
        if (key === 1) expect((running += 1)).toBe(1)
        await new Promise((next) => setImmediate(next))
        log.push(`${key}: ${batch.join(' ')}`)
        if (key === 1) running -= 1
        if (log.length === 4) resolve()
        return []
      },
    })
    for (const item of [1, 2, 3, 4]) mailboxes.post(1, item)
    mailboxes.post(2, 9)
    await done
    expect(log.filter((line) => line.startsWith('1'))).toEqual(['1: 1', '1: 2 3', '1: 4'])
    expect(log.indexOf('2: 9')).toBeLessThan(2)
  })

  it('puts what has to be done again first in line', async () => {
    const seen: number[][] = []
    let first = true
    const mailboxes: Mailboxes<number> = new Mailboxes<number>({
      maxBatch: 3,
      maxWaiting: 10,
      async work(_key, batch) {
        seen.push([...batch])
        await Promise.resolve()
        const again = first ? batch : []
        first = false
        return again
      },
    })
    for (const item of [1, 2, 3]) mailboxes.post(1, item)
    await expect.poll(() => mailboxes.size).toBe(0)
    expect(seen).toEqual([[1], [1, 2, 3]])
  })

  it('refuses more than may wait', () => {
    const mailboxes = new Mailboxes<number>({ maxBatch: 1, maxWaiting: 2, work: () => new Promise(() => undefined) })
    expect([1, 2, 3, 4].map((item) => mailboxes.post(1, item))).toEqual([true, true, true, false])
    expect(mailboxes.isBusy(1)).toBe(true)
  })
})
