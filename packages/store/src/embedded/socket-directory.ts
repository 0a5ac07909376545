import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { Account } from './account.ts'

/** The name that PostgreSQL gives its socket; the number is a port only by name. */
export const SOCKET_NAME = '.s.PGSQL.5432'
const PREFIX = 'hearth-socket-'
/** The shortest limit of the systems that Hearth runs on: macOS has 104 bytes, Linux 108, the final zero included. */
const MAX_PATH_BYTES = 103

export interface SocketDirectory {
  readonly path: string
  readonly temporary: boolean
}

/**
 * Where the server's socket is: in the cluster, which only its account may enter. The kernel limits the path of a socket to
 * about a hundred bytes; for a longer one it is a directory of the same kind among the temporary files.
 */
export async function socketDirectory(cluster: string, account: Account | undefined): Promise<SocketDirectory> {
  if (Buffer.byteLength(join(cluster, SOCKET_NAME)) <= MAX_PATH_BYTES) return { path: cluster, temporary: false }
  const path = await mkdtemp(join(tmpdir(), PREFIX))
  if (account !== undefined) await chown(path, account.uid, account.gid)
  return { path, temporary: true }
}

/** Removes a temporary socket directory, and nothing else. */
export async function removeSocketDirectory(path: string): Promise<void> {
  if (dirname(path) === tmpdir() && basename(path).startsWith(PREFIX)) await rm(path, { recursive: true, force: true })
}
