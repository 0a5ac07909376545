import { chown, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadSigningKey, replaceSigningKey } from '../src/compose/signing-key-file.ts'

async function dataDir(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hearth-key-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return directory
}

describe('the signing key', () => {
  it('[S-10] [S-69] is made at random, for nobody else to read', async () => {
    const directory = await dataDir()
    const key = await loadSigningKey(directory)
    const other = await loadSigningKey(await dataDir())
    expect(other.publicKey).not.toBe(key.publicKey)
    expect((await stat(join(directory, 'signing.key'))).mode & 0o777).toBe(0o600)
    expect(await readFile(join(directory, 'signing.key'), 'utf8')).toMatch(/^ed25519 a_[0-9a-f]{6} [\w+/]{43}\n$/)
  })

  it('is replaced as a whole', async () => {
    const directory = await dataDir()
    const before = await loadSigningKey(directory)
    // As systemd's account has made it.
    const uid = process.getuid!() === 0 ? 12345 : process.getuid!()
    await chown(join(directory, 'signing.key'), uid, process.getgid!())
    const after = await replaceSigningKey(directory)
    expect(after.keyId).not.toBe(before.keyId)
    expect((await stat(join(directory, 'signing.key'))).uid).toBe(uid)
    expect((await loadSigningKey(directory)).publicKey).toBe(after.publicKey)
    expect((await stat(join(directory, 'signing.key'))).mode & 0o777).toBe(0o600)
  })

  it('is one for processes that start together', async () => {
    const directory = await dataDir()
    const keys = await Promise.all(Array.from({ length: 5 }, () => loadSigningKey(directory)))
    expect(new Set(keys.map(({ publicKey }) => publicKey)).size).toBe(1)
    expect(await readdir(directory)).toEqual(['signing.key'])
  })

  it('stays the same', async () => {
    const directory = await dataDir()
    expect((await loadSigningKey(directory)).publicKey).toBe((await loadSigningKey(directory)).publicKey)
  })
})
