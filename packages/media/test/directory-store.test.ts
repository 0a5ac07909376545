import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { DirectoryStore } from '../src/index.ts'
import { describeBlobStore, toArray } from './blob-store-contract.ts'

describeBlobStore('a directory', async (directory) => new DirectoryStore({ directory: join(directory, 'store') }))

it('[S-44] reads nothing that is not a location, and lists nothing that others have put there', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'hearth-directory-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const store = new DirectoryStore({ directory: join(directory, 'media') })
  await mkdir(join(directory, 'media/ab/cd'), { recursive: true })
  await writeFile(join(directory, 'secret'), 'secret')
  await writeFile(join(directory, 'media/ab/cd/note.txt'), 'of an administrator')
  for (const location of ['../secret', 'ab/cd/note.txt', 'ab/../../secret', '/etc/passwd', '']) {
    await expect(store.read(location)).rejects.toThrow('no location')
    await expect(store.delete(location)).rejects.toThrow('no location')
  }
  expect(await toArray(store.list(Date.now() + 60_000))).toEqual([])
})
