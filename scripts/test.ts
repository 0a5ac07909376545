// Runs the tests of one kind and ends with the line "N passed, N failed".
// When: npm test (units and APIs), npm run test:interop (other implementations), npm run test:faults (killed processes).
// Example: npm test -- packages/store
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureSystemPrograms } from './system-programs.ts'

/** The part of vitest's JSON report that is read here. */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly { status: string }[] }[]
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
    return summarize({ passed: 0, failed: 1 })
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
function count(reportFile: string, succeeded: boolean): { passed: number; failed: number } {
  let report: Report
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report
  } catch {
    return { passed: 0, failed: 1 }
  }
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  const failed = report.numFailedTests + brokenFiles.length
  return { passed: report.numPassedTests, failed: failed === 0 && !succeeded ? 1 : failed }
}

function summarize({ passed, failed }: { passed: number; failed: number }): number {
  console.log(`${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}
