import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Report } from './report.ts'
import { markdownOf } from './table.ts'

const document = join(import.meta.dirname, '../../../../docs/benchmarks.md')
const begin = '<!-- figures: written by npm run bench -- --write-docs -->'
const end = '<!-- end of figures -->'

/** Puts the figures between their marks in docs/benchmarks.md; what is written around them stays. */
export async function writeDocumentation(report: Report): Promise<void> {
  const text = await readFile(document, 'utf8').catch(() => `# Benchmarks\n\n${begin}\n${end}\n`)
  await writeFile(document, withFigures(text, markdownOf(report)))
}

/** @throws Error when the document has not both marks in order */
export function withFigures(text: string, figures: string): string {
  const start = text.indexOf(begin)
  const stop = text.indexOf(end)
  if (start < 0 || stop < start) throw new Error(`docs/benchmarks.md has lost its marks: ${begin} … ${end}`)
  return `${text.slice(0, start + begin.length)}\n\n${figures}\n\n${text.slice(stop)}`
}
