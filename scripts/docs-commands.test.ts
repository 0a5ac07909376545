import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const pages = ['README.md', ...globSync('docs/*.md', { cwd: root })]

/** The anchors that headings make on GitHub. */
function anchorsOf(text: string): readonly string[] {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!)
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

describe.each(pages)('%s', (page) => {
  const text = readFileSync(join(root, page), 'utf8')

  it('links to what is there', () => {
    for (const [, target = '', anchor] of text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)) {
      const path = target === '' ? page : join(dirname(page), target)
      expect(existsSync(join(root, path)), `${page}: ${path}`).toBe(true)
      if (anchor !== undefined) expect(anchorsOf(readFileSync(join(root, path), 'utf8'))).toContain(anchor)
    }
  })

  it('names commands and files of this repository that are there', () => {
    const commands = readFileSync(join(root, 'packages/server/src/cli/run.ts'), 'utf8')
    for (const [, command = ''] of text.matchAll(/scripts\/hearth ([a-z][a-z-]+)/g)) {
      expect(commands).toContain(`from './${command}.ts'`)
    }
    for (const [, path = ''] of text.matchAll(/(?:^|[\s`(])((?:deploy|scripts)\/[\w./@-]*[\w])/gm)) {
      expect(existsSync(join(root, path)), `${page}: ${path}`).toBe(true)
    }
  })
})
