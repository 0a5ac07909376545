import { spawn } from 'node:child_process'
import { appendFile, chown, mkdir, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { canReach, type Account } from './account.ts'
import type { Binaries } from './binaries.ts'
import { EmbeddedDatabaseError, programFailure } from './errors.ts'
import { settingsFile, type Durability } from './settings.ts'

/** The role and the database that Hearth uses in its own server. */
export const EMBEDDED_NAME = 'hearth'

const SETTINGS_FILE = 'hearth.conf'

/** Everything PostgreSQL's programs get to know of the environment. */
export const programEnvironment = { LC_ALL: 'C', PATH: '/usr/bin:/bin' }

export interface ClusterDeps {
  readonly cluster: string
  readonly binaries: Binaries
  readonly account: Account | undefined
  readonly durability: Durability
  /** Called when a program is at work. */
  readonly onWaiting?: (() => void) | undefined
}

/** Makes the cluster unless there is one, checks its version, and writes its settings. */
export async function prepareCluster(deps: ClusterDeps): Promise<void> {
  const { cluster, account, durability } = deps
  if (!(await exists(cluster))) await createCluster(deps)
  await checkVersion(deps)
  if (account !== undefined) await giveTo(account, cluster)
  const settings = join(cluster, SETTINGS_FILE)
  await writeFile(settings, settingsFile(durability), { mode: 0o600 })
  if (account !== undefined) await chown(settings, account.uid, account.gid)
}

/**
 * The name by which PostgreSQL knows its working directory. An account that may not enter a directory above it (root's
 * home, say) still has it as its working directory, when root has changed to it before giving up its rights.
 */
export async function nameForAccount(directory: string, account: Account | undefined): Promise<string> {
  if (await canReach(account, directory)) return directory
  if (process.platform === 'linux') return '/proc/self/cwd'
  throw new EmbeddedDatabaseError(
    `PostgreSQL has to run as the user with uid ${account?.uid}, who may not enter ${dirname(directory)}. ` +
      `Allow that (chmod o+x on each directory above it), choose another data_dir, or start Hearth as another user than root.`,
  )
}

async function createCluster(deps: ClusterDeps): Promise<void> {
  const { cluster, binaries, account, durability } = deps
  // Made under another name first: one that was interrupted is never taken for a whole one.
  const unfinished = `${cluster}.new`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { mode: 0o700 })
  if (account !== undefined) await chown(unfinished, account.uid, account.gid)
  await runProgram(
    binaries.initdb,
    [
      `--pgdata=${await nameForAccount(unfinished, account)}`,
      `--username=${EMBEDDED_NAME}`,
      '--encoding=UTF8',
      '--locale=C',
      // Whoever may enter the directory may connect, and there is no other way in.
      '--auth-local=trust',
      '--auth-host=reject',
      '--data-checksums',
      '--no-instructions',
      ...(durability === 'throwaway' ? ['--no-sync'] : []),
    ],
    unfinished,
    { account, onWaiting: deps.onWaiting },
  )
  await appendFile(join(unfinished, 'postgresql.conf'), `\ninclude '${SETTINGS_FILE}'\n`)
  await rename(unfinished, cluster)
  if (durability === 'durable') await syncDirectory(dirname(cluster))
}

async function checkVersion({ cluster, binaries }: ClusterDeps): Promise<void> {
  const found = await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(() => undefined)
  if (found === undefined) {
    throw new EmbeddedDatabaseError(
      `${cluster} is not a PostgreSQL data directory (it has no PG_VERSION). Move it away to start with an empty database.`,
    )
  }
  const version = found.trim()
  if (version === String(binaries.majorVersion)) return
  throw new EmbeddedDatabaseError(
    `${cluster} was written by PostgreSQL ${version}, but this Hearth brings PostgreSQL ${binaries.majorVersion}, which ` +
      `cannot read it. Nothing has been changed. To bring the data over, with the programs of PostgreSQL ${version} ` +
      `(the package postgresql-${version} of your system), as the owner of that directory:\n` +
      `  mv ${cluster} ${cluster}-${version}\n` +
      `  pg_ctl -D ${cluster}-${version} -o "-k /tmp -c listen_addresses=" start\n` +
      `  pg_dump -h /tmp -U ${EMBEDDED_NAME} -Fc -f /tmp/hearth.dump ${EMBEDDED_NAME}\n` +
      `  pg_ctl -D ${cluster}-${version} stop\n` +
      `then start Hearth, which makes a new directory, and replace the empty database in it:\n` +
      `  dropdb -h ${cluster} -U ${EMBEDDED_NAME} --force ${EMBEDDED_NAME}\n` +
      `  createdb -h ${cluster} -U ${EMBEDDED_NAME} --encoding=UTF8 --locale=C --template=template0 ${EMBEDDED_NAME}\n` +
      `  pg_restore -h ${cluster} -U ${EMBEDDED_NAME} -d ${EMBEDDED_NAME} /tmp/hearth.dump\n` +
      `and start Hearth again. Or go back to the version of Hearth that you used before.`,
  )
}

/** A cluster restored or copied by root belongs to root; PostgreSQL insists on owning it. */
async function giveTo(account: Account, cluster: string): Promise<void> {
  if ((await stat(cluster)).uid === account.uid) return
  for (const entry of await readdir(cluster, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chown(join(entry.parentPath, entry.name), account.uid, account.gid)
  }
  // Last, as the sign that it is done.
  await chown(cluster, account.uid, account.gid)
}

async function exists(cluster: string): Promise<boolean> {
  const entries = await readdir(cluster).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (entries === undefined) return false
  if (entries.length > 0) return true
  await rmdir(cluster)
  return false
}

async function runProgram(
  program: string,
  args: readonly string[],
  cwd: string,
  { account, onWaiting }: Pick<ClusterDeps, 'account' | 'onWaiting'>,
): Promise<void> {
  const child = spawn(program, args, { cwd, env: programEnvironment, stdio: ['ignore', 'ignore', 'pipe'], ...account })
  onWaiting?.()
  let output = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  const status = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(programFailure(error)))
    child.on('close', (code, signal) => resolve(code === 0 ? '' : `${signal ?? `exit status ${code}`}`))
  })
  if (status === '') return
  const hint = output.includes('could not look up effective user ID')
    ? '. Add an entry for that user to /etc/passwd, or start Hearth as another user (in a container, as root)'
    : ''
  throw new EmbeddedDatabaseError(`${program} failed (${status}): ${output.trim()}${hint}`)
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
