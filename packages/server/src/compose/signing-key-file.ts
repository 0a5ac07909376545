import { randomBytes } from 'node:crypto'
import { chown, link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { formatSigningKey, generateSigningKey, parseSigningKey, type SigningKey } from '@hearth/crypto'

/**
 * The server's signing key, kept in the data directory; made at the first start. Whoever has it speaks for the server. Of
 * several processes that start together in one directory, one makes it.
 */
export async function loadSigningKey(dataDir: string): Promise<SigningKey> {
  const known = await findSigningKey(dataDir)
  if (known) return known
  const { key, draft } = await writeDraft(dataDir)
  try {
    await link(draft, signingKeyPath(dataDir))
    return key
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return (await findSigningKey(dataDir))!
  } finally {
    await rm(draft, { force: true })
  }
}

/** The signing key in a data directory; undefined where there is none. */
export async function findSigningKey(dataDir: string): Promise<SigningKey | undefined> {
  try {
    return parseSigningKey(await readFile(signingKeyPath(dataDir), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return undefined
  }
}

/** Makes a new signing key, in place of the one that is there. It belongs to the same account, also when root makes it. */
export async function replaceSigningKey(dataDir: string): Promise<SigningKey> {
  const { uid, gid } = await stat(signingKeyPath(dataDir))
  const { key, draft } = await writeDraft(dataDir)
  await chown(draft, uid, gid)
  await rename(draft, signingKeyPath(dataDir))
  return key
}

/** Makes a key. It is put in its place whole or not at all: half a key would keep the server from starting ever again. */
async function writeDraft(dataDir: string): Promise<{ readonly key: SigningKey; readonly draft: string }> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const key = generateSigningKey(`a_${randomBytes(3).toString('hex')}`)
  const draft = `${signingKeyPath(dataDir)}.new-${randomBytes(3).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(formatSigningKey(key))
    await file.sync()
  } finally {
    await file.close()
  }
  return { key, draft }
}

/** Where the key is. */
export function signingKeyPath(dataDir: string): string {
  return join(dataDir, 'signing.key')
}
