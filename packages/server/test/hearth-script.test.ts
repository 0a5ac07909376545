import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** A checkout that holds the script alone, in a directory whose name has a space in it. */
let checkout: string
beforeEach(() => {
  checkout = join(realpathSync(mkdtempSync(join(tmpdir(), 'hearth-script-'))), 'a checkout')
  mkdirSync(join(checkout, 'scripts'), { recursive: true })
  copyFileSync(join(import.meta.dirname, '../../../scripts/hearth'), join(checkout, 'scripts/hearth'))
})
afterEach(() => rmSync(join(checkout, '..'), { recursive: true }))

/** Puts a program in the place of Node that tells how it was called. */
function build(): void {
  const bin = join(checkout, 'node_modules/.bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(
    join(bin, 'node'),
    '#!/bin/sh\necho "pid $$"\necho "path ${PATH%%:*}"\nfor word; do echo "word $word"; done\n',
  )
  chmodSync(join(bin, 'node'), 0o755)
  mkdirSync(join(checkout, 'packages/server/dist'), { recursive: true })
  writeFileSync(join(checkout, 'packages/server/dist/main.js'), '')
}

function run(command: string, ...words: readonly string[]) {
  const { pid, status, stdout, stderr } = spawnSync(command, words, { cwd: '/', encoding: 'utf8' })
  return { status, stdout: stdout.replace(`pid ${pid}\n`, 'the same process\n'), stderr }
}

describe('scripts/hearth', () => {
  it('becomes the pinned Node, from any directory, with the words as they were', () => {
    build()
    expect(run(join(checkout, 'scripts/hearth'), 'start', '--config', 'two words.yaml')).toEqual({
      status: 0,
      stdout: `the same process
path ${checkout}/node_modules/.bin
word --heap-growing-percent=70
word --max-semi-space-size=32
word ${checkout}/packages/server/dist/main.js
word start
word --config
word two words.yaml
`,
      stderr: '',
    })
  })

  it('finds its checkout through symbolic links, absolute and relative', () => {
    build()
    symlinkSync(join(checkout, 'scripts/hearth'), join(checkout, 'absolute'))
    mkdirSync(join(checkout, 'bin'))
    symlinkSync('../absolute', join(checkout, 'bin/relative'))
    const { status, stdout } = run(join(checkout, 'bin/relative'), '--version')
    expect(status).toBe(0)
    expect(stdout).toContain(`word ${checkout}/packages/server/dist/main.js\nword --version\n`)
  })

  it('says in one line that it is not built', () => {
    expect(run(join(checkout, 'scripts/hearth'), 'start')).toEqual({
      status: 1,
      stdout: '',
      stderr: `hearth: not built yet: run 'npm ci' in ${checkout}\n`,
    })
  })
})
