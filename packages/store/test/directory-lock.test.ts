import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DirectoryLock, EmbeddedDatabaseError } from '../src/index.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-lock-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

/** The file that this process would put up, with some of its fields changed. Returns its path. */
async function plant(change: { pid?: number; start?: string; namespace?: string }): Promise<string> {
  const lock = await DirectoryLock.acquire(directory)
  const [name] = await readdir(directory)
  await lock.release()
  const [pid, start, namespace] = name!.split('.').slice(2)
  const path = join(
    directory,
    `hearth.lock.${change.pid ?? pid}.${change.start ?? start}.${change.namespace ?? namespace}`,
  )
  await writeFile(path, '')
  return path
}

async function expectTakeover(silenceMs?: number): Promise<void> {
  const lock = await DirectoryLock.acquire(directory, silenceMs)
  expect(await readdir(directory)).toHaveLength(1)
  await lock.release()
}

describe('a directory lock', () => {
  it('keeps others away until it is released, and leaves nothing behind', async () => {
    const lock = await DirectoryLock.acquire(directory)
    const refusal = DirectoryLock.acquire(directory)
    await expect(refusal).rejects.toBeInstanceOf(EmbeddedDatabaseError)
    await expect(refusal).rejects.toThrow(`${directory} is in use by another Hearth process (pid ${process.pid})`)
    await lock.release()
    await (await DirectoryLock.acquire(directory)).release()
    expect(await readdir(directory)).toEqual([])
  })

  it('is had by exactly one of many processes that want it at once', async () => {
    await plant({ start: '0a' })
    const at = Date.now() + 1_500
    const fixture = join(import.meta.dirname, 'fixtures', 'contender.ts')
    const contenders = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['--conditions=source', fixture, directory, String(at)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    )
    try {
      const answers = await Promise.all(
        contenders.map(async ({ stdout }) => String((await once(stdout, 'data'))[0]).trim()),
      )
      expect(answers.sort()).toEqual(['held', 'refused', 'refused', 'refused', 'refused', 'refused'])
    } finally {
      for (const contender of contenders) contender.kill('SIGKILL')
    }
  })

  it('of a process that has died is taken over', async () => {
    const child = spawn(process.execPath, ['-e', ''])
    await once(child, 'exit')
    await plant({ pid: child.pid! })
    await expectTakeover()
  })

  it('of a process whose number another one has now is taken over', async () => {
    await plant({ start: '0a' })
    await expectTakeover()
  })

  it('of another container is respected as long as it is touched', async () => {
    const path = await plant({ namespace: '0a' })
    const touch = setInterval(() => void utimes(path, new Date(), new Date()), 200)
    try {
      await expect(DirectoryLock.acquire(directory)).rejects.toBeInstanceOf(EmbeddedDatabaseError)
    } finally {
      clearInterval(touch)
    }
  })

  it('of another container that has fallen silent is taken over', async () => {
    await plant({ namespace: '0a' })
    await expectTakeover(1_000)
  })

  it('from before a reboot is taken over at once', async () => {
    const path = await plant({ namespace: '0a' })
    const past = new Date(Date.now() - 3_600_000)
    await utimes(path, past, past)
    await expectTakeover()
  })
})
