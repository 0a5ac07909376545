// Checks everything that can be checked without running the server: format, lint, layers, dead code, types, generated files.
// When: before each commit that is to be shared (npm run check); .ci/run runs it too.
// Example: npm run check -- format types
import { spawn } from 'node:child_process'
import { join } from 'node:path'

interface Check {
  readonly name: string
  /** Commands that run one after the other; the first that fails ends the check. */
  readonly commands: readonly (readonly string[])[]
}

function script(name: string, ...args: string[]): readonly string[] {
  return ['node', '--conditions=source', `scripts/${name}`, ...args]
}

// The slow ones first: they are taken by as many workers as there are.
const checks: readonly Check[] = [
  { name: 'lint', commands: [['eslint', '--max-warnings=0', '.']] },
  {
    name: 'types',
    commands: [
      ['tsc', '-b'],
      ['tsc', '-p', 'tsconfig.tests.json'],
    ],
  },
  { name: 'database schema', commands: [script('dump-schema.ts', '--check')] },
  { name: 'format', commands: [['prettier', '--check', '--log-level=warn', '.']] },
  { name: 'layers', commands: [['depcruise', '--config', '.dependency-cruiser.cjs', '--output-type=err', 'packages']] },
  { name: 'dead code', commands: [['knip', '--no-progress']] },
  { name: 'schemas', commands: [script('generate-schemas.ts', '--check'), script('generate-config.ts', '--check')] },
  { name: 'docs', commands: [script('generate-docs.ts', '--check')] },
  { name: 'lockfile', commands: [script('check-lockfile.ts')] },
]

const WORKERS = 2

process.chdir(join(import.meta.dirname, '..'))
process.exitCode = await checkAll(process.argv.slice(2))

async function checkAll(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !checks.some((check) => check.name === name))
  if (unknown.length > 0) {
    console.error(`no such check: ${unknown.join(', ')}; there are: ${checks.map(({ name }) => name).join(', ')}`)
    return 2
  }
  const waiting = checks.filter(({ name }) => names.length === 0 || names.includes(name))
  const failed: string[] = []
  const work = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      if (!(await passes(check))) failed.push(check.name)
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, work))
  console.log(failed.length === 0 ? 'All checks passed.' : `Failed: ${failed.join(', ')}`)
  return failed.length === 0 ? 0 : 1
}

async function passes(check: Check): Promise<boolean> {
  const start = performance.now()
  for (const [command = '', ...args] of check.commands) {
    const { status, output } = await run(command, args)
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    if (status !== 0) {
      console.log(`✗ ${check.name} (${seconds} s): ${[command, ...args].join(' ')}\n${output.trimEnd()}\n`)
      return false
    }
  }
  console.log(`✓ ${check.name} (${((performance.now() - start) / 1000).toFixed(1)} s)`)
  return true
}

function run(command: string, args: readonly string[]): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk: Buffer) => (output += chunk.toString())
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => resolve({ status: 1, output: error.message }))
    child.on('close', (status) => resolve({ status, output }))
  })
}
