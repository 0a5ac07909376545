import type { Config } from '../generated/config.ts'

/** A part of the server that a process may run. */
export type Role = Exclude<Config['roles'][number], 'all'>

/** Tells which parts of the server a process runs. */
export function roleOf({ roles }: Pick<Config, 'roles'>): (role: Role) => boolean {
  return (role) => roles.includes('all') || roles.includes(role)
}
