import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { formatSigningKey, generateSigningKey, parseSigningKey, type SigningKey } from '@hearth/crypto'

/** The server's signing key, kept in the data directory; made at the first start. Whoever has it speaks for the server. */
export async function loadSigningKey(dataDir: string): Promise<SigningKey> {
  try {
    return parseSigningKey(await readFile(signingKeyPath(dataDir), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return replaceSigningKey(dataDir)
}

/** Makes a new signing key, in place of the one that may be there. */
export async function replaceSigningKey(dataDir: string): Promise<SigningKey> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const key = generateSigningKey(`a_${randomBytes(3).toString('hex')}`)
  const path = signingKeyPath(dataDir)
  // Written whole or not at all: half a key would keep the server from starting ever again.
  const draft = `${path}.new`
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(formatSigningKey(key))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
  return key
}

/** Where the key is. */
export function signingKeyPath(dataDir: string): string {
  return join(dataDir, 'signing.key')
}
