/**
 * The Python environment of the interoperability tests: other implementations of Matrix (Synapse, matrix-nio) installed
 * from PyPI, used as oracles and as peers. Nothing of it is part of the server.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const repository = join(import.meta.dirname, '../../../..')
const interopDirectory = join(repository, '.interop')

/** Where the Python programs of the interoperability tests are. */
export const interopPrograms = join(repository, 'interop')

/**
 * Installs `interop/requirements.txt` into `.interop/venv`, once for each content of that file.
 *
 * @returns the path of the environment's Python interpreter
 * @throws Error with one line saying what is missing when there is no usable Python 3 with venv and pip
 */
export async function pythonEnvironment(): Promise<string> {
  const venv = join(interopDirectory, 'venv')
  const python = join(venv, 'bin', 'python')
  const stampFile = join(venv, 'requirements.sha256')
  const requirements = join(interopPrograms, 'requirements.txt')
  const stamp = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
  if ((await textOf(stampFile)) === stamp) return python

  await mkdir(interopDirectory, { recursive: true })
  const unlock = await lock(join(interopDirectory, 'lock'))
  try {
    if ((await textOf(stampFile)) === stamp) return python // another process made it while this one waited
    await rm(venv, { recursive: true, force: true })
    await run(
      'python3',
      ['-m', 'venv', venv],
      'Python 3.10 or later with its venv module (apt-get install python3-venv)',
    )
    await run(
      python,
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements],
      'a package index that pip can install interop/requirements.txt from',
    )
    await writeFile(stampFile, stamp)
    return python
  } finally {
    await unlock()
  }
}

/** A directory is the lock: making one is atomic. The process id inside tells a lock left behind by a killed process. */
async function lock(path: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await mkdir(path)
      await writeFile(join(path, 'pid'), String(process.pid))
      return () => rm(path, { recursive: true, force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    await sleep(500)
    const holder = Number(await textOf(join(path, 'pid')))
    if (holder > 0 && !isAlive(holder)) await rm(path, { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return undefined
  }
}

async function run(command: string, args: string[], needed: string): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4096))
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const status = await new Promise<number | string>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'no status'))
  })
  if (status === 0) return
  const lastLine = output.trim().split('\n').at(-1) ?? ''
  throw new Error(`interop tests need ${needed}: \`${command} ${args.join(' ')}\` ended with ${status}: ${lastLine}`)
}
