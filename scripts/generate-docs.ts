// Writes the pages of docs/ that are made from code and data: configuration, served endpoints, requirements.
// When: after a change of the configuration, the endpoints or the names of tests; `npm run check` asks with --check.
// Example: npm run docs
import { globSync, readFileSync } from 'node:fs'
import { configSchema } from '../packages/server/src/generated/config.ts'
import { configurationPage } from './configuration-page.ts'
import { writeGenerated } from './generated-file.ts'
import { findCoverage, requirementsPage, unknownIds, type Requirements } from './requirements-coverage.ts'
import { servedRoutes } from './served-routes.ts'
import { specCoveragePage, type FurtherEndpoints, type SpecEndpoints } from './spec-coverage.ts'

const root = new URL('../', import.meta.url)
const data = <T>(name: string): T => JSON.parse(readFileSync(new URL(`schemas/${name}`, root), 'utf8')) as T

process.chdir(import.meta.dirname + '/..')

writeGenerated(new URL('docs/configuration.md', root), configurationPage(configSchema))

writeGenerated(
  new URL('docs/spec-coverage.md', root),
  specCoveragePage(
    data<SpecEndpoints>('spec-endpoints.json'),
    data<FurtherEndpoints>('further-endpoints.json'),
    servedRoutes(),
  ),
)

const requirements = data<Requirements>('requirements.json')
const coverage = findCoverage(globSync('packages/*/{src,test}/**/*.test.ts').sort())
for (const id of unknownIds(requirements, coverage)) {
  console.error(`${coverage.get(id)!.join(', ')}: ${id} is not in schemas/requirements.json`)
  process.exitCode = 1
}
writeGenerated(new URL('docs/requirements.md', root), requirementsPage(requirements, coverage))
