import { checkClientWellKnown } from './checks/client-well-known.ts'
import { checkClock } from './checks/clock.ts'
import { checkDiskSpace } from './checks/disk-space.ts'
import { checkDns } from './checks/dns.ts'
import { checkFederation } from './checks/federation.ts'
import { checkFileLimits } from './checks/file-limits.ts'
import { checkPostgres } from './checks/postgres.ts'
import { checkProxy } from './checks/proxy.ts'
import { checkRedis } from './checks/redis.ts'
import { checkServerWellKnown } from './checks/server-well-known.ts'
import { checkTls } from './checks/tls.ts'
import type { Check } from './finding.ts'

/** Every check, in the order in which one would set a server up. */
export const checks = {
  disk: checkDiskSpace,
  'file limits': checkFileLimits,
  postgresql: checkPostgres,
  redis: checkRedis,
  clock: checkClock,
  dns: checkDns,
  tls: checkTls,
  proxy: checkProxy,
  'well-known for clients': checkClientWellKnown,
  'well-known for servers': checkServerWellKnown,
  federation: checkFederation,
} as const satisfies Record<string, Check>

export type CheckName = keyof typeof checks
