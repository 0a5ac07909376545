import { spawnSync } from 'node:child_process'
import { accessSync, constants, globSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A program beside the npm packages that some test needs. */
interface SystemProgram {
  /** The names it goes by in PATH. */
  readonly names: readonly string[]
  /** The Debian packages that bring it. */
  readonly packages: readonly string[]
  /** A test file that holds this text needs the program. */
  readonly sign: string
  /** Tells further whether what was found can be used. */
  readonly works?: (program: string) => boolean
}

const programs: readonly SystemProgram[] = [
  {
    names: ['chromium', 'chromium-browser', 'google-chrome', 'chrome'],
    packages: ['chromium'],
    sign: 'playwright-core',
  },
  { names: ['nginx'], packages: ['nginx'], sign: 'NginxProcess' },
  { names: ['redis-server'], packages: ['redis-server'], sign: 'redis-server' },
  {
    names: ['python3'],
    packages: ['python3', 'python3-venv'],
    sign: '.interop.test.ts',
    works: (python) => spawnSync(python, ['-c', 'import ensurepip, venv']).status === 0,
  },
]

/**
 * Makes sure that the programs which these test files need are there: from PATH, else installed with apt-get, which needs
 * Debian and root.
 * @param testFiles globs of the test files that are about to run
 * @throws Error with one line that says what is missing
 */
export function ensureSystemPrograms(testFiles: readonly string[]): void {
  // The file's own name counts as well.
  const texts = globSync([...testFiles]).map((file) => `${file}\n${readFileSync(file, 'utf8')}`)
  const missing = programs
    .filter(({ sign }) => texts.some((text) => text.includes(sign)))
    .filter((each) => !isThere(each))
  if (missing.length === 0) return
  const packages = missing.flatMap((program) => program.packages)
  if (process.getuid?.() === 0 && findInPath(['apt-get'])) {
    console.log(`installing with apt-get: ${packages.join(' ')}`)
    install(packages)
  }
  const still = missing.filter((program) => !isThere(program)).map(({ names }) => names[0])
  if (still.length > 0)
    throw new Error(`the tests need ${still.join(', ')}: install the packages ${packages.join(' ')}`)
}

function isThere({ names, works }: SystemProgram): boolean {
  const program = findInPath(names)
  return program !== undefined && (works?.(program) ?? true)
}

function findInPath(names: readonly string[]): string | undefined {
  // Debian leaves the directories of administrators' programs out of the PATH of other people.
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin']
  return directories.flatMap((directory) => names.map((name) => join(directory, name))).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function install(packages: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const aptGet = (...args: string[]) => spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  aptGet('update', '-qq')
  aptGet('install', '-qq', '-y', '--no-install-recommends', ...packages)
}
