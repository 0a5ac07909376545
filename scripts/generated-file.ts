import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Writes a generated file, or with `--check` among the arguments only compares: a difference is said on the standard
 * error and makes the process end with status 1.
 */
export function writeGenerated(file: URL, text: string): void {
  const path = fileURLToPath(file)
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return
  }
  if (read(path) === text) return
  console.error(`${relative(process.cwd(), path)} is out of date: run \`npm run ${npmScript()}\``)
  process.exitCode = 1
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** The name by which package.json knows the running script. */
function npmScript(): string | undefined {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { scripts } = JSON.parse(text) as { scripts: Record<string, string> }
  const running = basename(process.argv[1]!)
  return Object.keys(scripts).find((name) => scripts[name]!.includes(running))
}
