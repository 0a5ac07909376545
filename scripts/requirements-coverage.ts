import { readFileSync } from 'node:fs'
import ts from 'typescript'

/** `schemas/requirements.json`: what Hearth sets out to do, as ids; the texts are not part of the repository. */
export interface Requirements {
  /** The founding documents by the letter that their requirements' ids start with. */
  readonly documents: Readonly<Record<string, string>>
  readonly areas: readonly {
    readonly document: string
    readonly area: string
    /** The level of each requirement. */
    readonly requirements: Readonly<Record<string, string>>
  }[]
  /** Hostile requests: `SEC-1` and on. */
  readonly security: readonly NumberedCases[]
  /** Holes that other servers had and published: `S-01` and on. Requirements have three digits. */
  readonly advisories: readonly NumberedCases[]
}

interface NumberedCases {
  readonly area: string
  readonly prefix: string
  /** How many digits the numbers have at least. */
  readonly digits: number
  readonly cases: readonly number[]
}

/** The test files that name each id. */
export type Coverage = ReadonlyMap<string, readonly string[]>

/** Finds the ids in brackets, such as `[C-084]` or `[C-084, C-085]`, in the texts of test files: their tests' names. */
export function findCoverage(files: readonly string[]): Coverage {
  const coverage = new Map<string, string[]>()
  for (const file of files) {
    const ids = new Set(textsOf(readFileSync(file, 'utf8')).flatMap(idsIn))
    for (const id of ids) coverage.set(id, [...(coverage.get(id) ?? []), file])
  }
  return coverage
}

/** Finds ids that tests name and nobody asked for: slips of the pen. */
export function unknownIds(requirements: Requirements, coverage: Coverage): string[] {
  const known = new Set([
    ...requirements.areas.flatMap((area) => Object.keys(area.requirements)),
    ...[...requirements.security, ...requirements.advisories].flatMap(idsOf),
  ])
  return [...coverage.keys()].filter((id) => !known.has(id))
}

/** Writes docs/requirements.md. */
export function requirementsPage(requirements: Requirements, coverage: Coverage): string {
  const { documents, areas, security, advisories } = requirements
  const groups = [
    ...Object.entries(documents).map(([letter, title]) => ({
      title: `${letter}: ${title}`,
      areas: areas
        .filter(({ document }) => document === letter)
        .map(({ area, requirements: levels }) => ({ area, ids: Object.keys(levels), levels })),
    })),
    { title: 'SEC: Hostile requests', areas: security.map(withIds) },
    { title: 'Holes that other servers had', areas: advisories.map(withIds) },
  ]
  const isCovered = (id: string) => coverage.has(id)
  const totals = groups.map(({ title, areas: each }) => {
    const ids = each.flatMap((area) => area.ids)
    return `| ${title} | ${ids.filter(isCovered).length} | ${ids.length} |\n`
  })
  const sections = groups.map(({ title, areas: each }) => `\n## ${title}\n${each.map(areaSection(coverage)).join('')}`)
  return `# Requirements and their tests

<!-- Made by scripts/generate-docs.ts from the names of the tests: run \`npm run docs\`. -->

Hearth is built from a list of numbered requirements: those of the documents it was founded on, and requests that a server
must withstand. A test that shows one carries its id in its name. An id without a test is not shown to be met; part of them
is of things that are not built yet.

| group | with a test | all |
| --- | ---: | ---: |
${totals.join('')}${sections.join('')}`
}

function areaSection(coverage: Coverage) {
  return ({
    area,
    ids,
    levels,
  }: {
    area: string
    ids: readonly string[]
    levels: Readonly<Record<string, string>>
  }) => {
    const covered = ids.filter((id) => coverage.has(id))
    const missing = ids.filter((id) => !coverage.has(id))
    const rows = covered.map((id) => `| ${id} | ${levels[id] ?? ''} | ${coverage.get(id)!.join(', ')} |\n`)
    const table = rows.length > 0 ? `\n| id | level | tests |\n| --- | --- | --- |\n${rows.join('')}` : ''
    const rest = missing.length > 0 ? `\nWithout a test: ${missing.join(', ')}\n` : ''
    return `\n### ${area}: ${covered.length} of ${ids.length}\n${table}${rest}`
  }
}

function withIds(group: NumberedCases) {
  return { area: group.area, ids: idsOf(group), levels: {} }
}

function idsOf({ prefix, digits, cases }: NumberedCases): string[] {
  return cases.map((number) => prefix + String(number).padStart(digits, '0'))
}

function idsIn(text: string): string[] {
  const brackets = text.matchAll(/\[((?:[DECSVXH]|SEC)-\d+(?:(?:,| and) ?(?:[DECSVXH]|SEC)-\d+)*)\]/g)
  return [...brackets].flatMap(([, list]) => [...list!.matchAll(/[A-Z]+-\d+/g)].map(([id]) => id))
}

/** The string literals of a TypeScript source: comments do not count. */
function textsOf(source: string): string[] {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, source)
  const texts: string[] = []
  for (let token = scanner.scan(); token !== ts.SyntaxKind.EndOfFileToken; token = scanner.scan()) {
    const isText =
      token === ts.SyntaxKind.StringLiteral ||
      token === ts.SyntaxKind.NoSubstitutionTemplateLiteral ||
      token === ts.SyntaxKind.TemplateHead
    if (isText) texts.push(scanner.getTokenValue())
  }
  return texts
}
