import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, readFile, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findBinaries, type ShippedBinaries } from '../src/embedded/binaries.ts'

const asRoot = process.getuid?.() === 0
const nobody = { uid: 65534, gid: 65534 }
let directory: string
let shipped: ShippedBinaries

/** A copy of the package as npm unpacks it when install scripts are switched off: without links. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-binaries-'))
  const { postgres, version } = await findBinaries({ account: undefined })
  const native = join(directory, 'package', 'native')
  await mkdir(dirname(native))
  await cp(dirname(dirname(postgres)), native, { recursive: true, verbatimSymlinks: true })
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as { target: string }[]
  for (const { target } of links) await rm(join(dirname(native), target), { force: true })
  shipped = { native, version }
})

afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
})

async function versionOf(postgres: string, account: object = {}): Promise<string> {
  return (await promisify(execFile)(postgres, ['--version'], { cwd: '/', ...account })).stdout
}

describe('PostgreSQL programs', () => {
  it('that lack the links of their libraries get them', async () => {
    const { postgres, majorVersion } = await findBinaries({ account: undefined, shipped })
    expect(dirname(dirname(postgres))).toBe(shipped.native)
    expect(await readlink(join(shipped.native, 'lib', 'libpq.so.5'))).toMatch(/^libpq\.so\.5\./)
    expect(await versionOf(postgres)).toContain(`PostgreSQL) ${majorVersion}.`)
  })

  it.runIf(asRoot)('that their account cannot read are copied to where it can, once', async () => {
    // mkdtemp made the directory for root alone.
    const copies = await mkdtemp(join(tmpdir(), 'hearth-copies-'))
    try {
      await chmod(copies, 0o755)
      const options = { account: nobody, shipped, copyParents: [join(directory, 'none'), copies] }
      const { postgres } = await findBinaries(options)
      expect(postgres.startsWith(copies)).toBe(true)
      expect(await versionOf(postgres, nobody)).toContain('PostgreSQL')
      const { mtimeMs } = await stat(postgres)
      expect((await findBinaries(options)).postgres).toBe(postgres)
      expect((await stat(postgres)).mtimeMs).toBe(mtimeMs)

      await chmod(dirname(dirname(dirname(postgres))), 0o777)
      await expect(findBinaries(options)).rejects.toThrow('cannot be read by the account with uid 65534')
    } finally {
      await rm(copies, { recursive: true, force: true })
    }
  })
})
