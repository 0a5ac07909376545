import { describe, expect, it } from 'vitest'
import { Semaphore } from './semaphore.ts'
import { Unavailable } from './unavailable.ts'

function createSemaphore(permits: number, maxWaiting: number) {
  const semaphore = new Semaphore({ name: 'hashing', permits, maxWaiting })
  const log: string[] = []
  const releases: (() => void)[] = []
  const run = (name: string, signal?: AbortSignal) =>
    semaphore.run(async () => {
      log.push(name)
      await new Promise<void>((resolve) => releases.push(resolve))
      return name
    }, signal)
  return { semaphore, log, releases, run }
}

describe('a semaphore', () => {
  it('lets so many run at a time, the others in the order of their arrival', async () => {
    const { semaphore, log, releases, run } = createSemaphore(2, 10)
    const all = Promise.all(['a', 'b', 'c', 'd'].map((name) => run(name)))
    expect([log, semaphore.running, semaphore.waiting]).toEqual([['a', 'b'], 2, 2])
    for (let i = 0; i < 4; i++) {
      releases[i]!()
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await all).toEqual(['a', 'b', 'c', 'd'])
    expect([log, semaphore.running, semaphore.waiting]).toEqual([['a', 'b', 'c', 'd'], 0, 0])
  })

  it('turns away those for whom there is no room to wait', async () => {
    const { releases, run } = createSemaphore(1, 1)
    const [first, second] = [run('a'), run('b')]
    await expect(run('c')).rejects.toThrow(Unavailable)
    releases[0]!()
    await first
    await new Promise((resolve) => setImmediate(resolve))
    releases[1]!()
    await second
  })

  it('forgets those who give up waiting', async () => {
    const { semaphore, releases, run } = createSemaphore(1, 1)
    const first = run('a')
    const controller = new AbortController()
    const second = run('b', controller.signal)
    controller.abort(new Error('gone'))
    await expect(second).rejects.toThrow('gone')
    expect(semaphore.waiting).toBe(0)
    await expect(run('c', AbortSignal.abort(new Error('gone before')))).rejects.toThrow('gone before')
    releases[0]!()
    await first
    expect(semaphore.running).toBe(0)
  })

  it('goes on after one that fails', async () => {
    const { semaphore } = createSemaphore(1, 1)
    await expect(semaphore.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await semaphore.run(() => Promise.resolve(1))).toBe(1)
  })
})
