import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EmbeddedDatabaseError } from './errors.ts'

/** A Unix account, by number. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/**
 * The account to run PostgreSQL under, or `undefined` for Hearth's own. PostgreSQL refuses to run as root; then it is the
 * owner of the cluster, or `nobody` for a new one.
 */
export async function chooseAccount(clusterDirectory: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const owner = await stat(clusterDirectory).catch(() => undefined)
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  return nobody()
}

async function nobody(): Promise<Account> {
  // initdb looks its account up, so a number without an entry would not do.
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n')
  for (const line of lines) {
    const [name, , uid, gid] = line.split(':')
    const account = { uid: Number(uid), gid: Number(gid) }
    if (name === 'nobody' && account.uid > 0 && account.gid > 0) return account
  }
  throw new EmbeddedDatabaseError(
    'PostgreSQL does not run as root, and this system has no account "nobody" for it. ' +
      'Start Hearth as another user, or set database_url.',
  )
}

/** Tells whether the account may enter every directory above `path`, and read (and execute) what is there. */
export async function canRead(account: Account | undefined, path: string): Promise<boolean> {
  if (account === undefined) return true
  if (!grants(await stat(path), account, 0o5)) return false
  return canReach(account, path)
}

/** Tells whether the account may enter every directory above `path`. */
export async function canReach(account: Account | undefined, path: string): Promise<boolean> {
  if (account === undefined) return true
  for (let at = dirname(path); ; at = dirname(at)) {
    if (!grants(await stat(at), account, 0o1)) return false
    if (at === dirname(at)) return true
  }
}

/** The kernel's rule: the owner's bits for the owner, else the group's for the group, else those for all others. */
function grants(file: { uid: number; gid: number; mode: number }, account: Account, wanted: number): boolean {
  const shift = file.uid === account.uid ? 6 : file.gid === account.gid ? 3 : 0
  return ((file.mode >> shift) & wanted) === wanted
}
