// Runs the tests of one kind and ends with the line "N passed, N failed".
// When: npm test (units and APIs), npm run test:interop (other implementations), npm run test:faults (killed processes).
// Example: npm test -- packages/store
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureSystemPrograms } from './system-programs.ts'

/** The part of vitest's JSON report that is read here. */
interface Report {
  readonly numPassedTests: number
  readonly testResults: readonly TestFile[]
}

interface TestFile {
  readonly name: string
  readonly status: string
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
}

interface Outcome {
  readonly passed: number
  readonly failed: number
  /** What failed, for the end of a long log. */
  readonly failures: readonly string[]
}

const { values, positionals } = parseArgs({
  options: { interop: { type: 'boolean' }, faults: { type: 'boolean' } },
  allowPositionals: true,
})
const mode = values.interop ? 'interop' : values.faults ? 'faults' : 'test'
const ending = mode === 'test' ? 'test.ts' : `${mode}.test.ts`

process.chdir(join(import.meta.dirname, '..'))
process.exitCode = run()

function run(): number {
  try {
    ensureSystemPrograms([`packages/*/{src,test}/**/*.${ending}`, `scripts/**/*.${ending}`])
  } catch (error) {
    console.error(`npm test: ${(error as Error).message}`)
    return summarize({ passed: 0, failed: 1, failures: [] })
  }
  const directory = mkdtempSync(join(tmpdir(), 'hearth-report-'))
  try {
    const reportFile = join(directory, 'report.json')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
    const args = ['run', '--mode', mode, ...reporters, ...positionals]
    const { status } = spawnSync('vitest', args, { stdio: ['ignore', 'inherit', 'inherit'] })
    return summarize(count(reportFile, status === 0))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Counts tests. A file that could not be run, and a run that failed otherwise, count as one failure. */
function count(reportFile: string, succeeded: boolean): Outcome {
  let report: Report
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report
  } catch {
    return { passed: 0, failed: 1, failures: ['the run itself'] }
  }
  const failures = report.testResults.filter(({ status }) => status === 'failed').flatMap(failuresOf)
  if (failures.length === 0 && !succeeded) failures.push('the run itself')
  return { passed: report.numPassedTests, failed: failures.length, failures }
}

function failuresOf({ name, assertionResults }: TestFile): string[] {
  const file = relative(process.cwd(), name)
  const failed = assertionResults.filter(({ status }) => status === 'failed')
  return failed.length === 0 ? [file] : failed.map(({ fullName }) => `${file}: ${fullName}`)
}

function summarize({ passed, failed, failures }: Outcome): number {
  for (const failure of failures) console.log(`failed: ${failure}`)
  console.log(`${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}
