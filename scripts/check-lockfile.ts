// Checks that package-lock.json installs everywhere: it names no registry, and has the packages of every platform.
// When: npm run check runs it.
// Example: node scripts/check-lockfile.ts
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface LockedPackage {
  readonly resolved?: string
  /** A package of this workspace. */
  readonly link?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const text = readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8')
const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, LockedPackage>> }

for (const [path, { resolved, link, optionalDependencies = {} }] of Object.entries(packages)) {
  if (resolved !== undefined && !link) complain(`${path} is resolved to ${resolved}`)
  // `npm install` leaves out what its registry does not have, and `npm ci` then refuses the whole file.
  for (const name of Object.keys(optionalDependencies)) {
    if (!isLocked(path, name)) complain(`${path} may need ${name}, which has no entry`)
  }
}

function complain(message: string): void {
  console.error(`package-lock.json: ${message}`)
  process.exitCode = 1
}

/** Looks a package up as Node does, from the directory of another one upwards. */
function isLocked(path: string, name: string): boolean {
  if (packages[join(path, 'node_modules', name)]) return true
  if (path === '') return false
  const end = path.lastIndexOf('/node_modules/')
  return isLocked(end === -1 ? '' : path.slice(0, end), name)
}
