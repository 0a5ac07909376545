import { inspectRedis } from '@hearth/queues'
import { error, ok, reasonOf, skipped, warning, type Check, type Finding } from '../finding.ts'

/** Redis answers, and throws nothing away by itself. */
export const checkRedis: Check = async ({ config }, signal) => {
  if (config.redisUrl === undefined) return [skipped('redis_url is not set, and one process needs none')]
  try {
    const { version, policy, role, latencyMs } = await inspectRedis(config.redisUrl, signal)
    const findings: Finding[] = []
    if (policy !== 'noeviction') {
      const fix = 'maxmemory-policy noeviction (redis.conf), or: redis-cli config set maxmemory-policy noeviction'
      findings.push(error(`maxmemory-policy is ${policy}: jobs and locks can vanish`, fix))
    }
    if (role !== 'master')
      findings.push(error(`this Redis is a ${role} of another one`, 'redis_url: that of the primary'))
    if (latencyMs > 20) {
      findings.push(warning(`an answer takes ${Math.round(latencyMs)} ms`, 'a Redis in the same network as Hearth'))
    }
    return [ok(`Redis ${version} answers`), ...findings]
  } catch (failure) {
    return [error(`Redis cannot be used: ${reasonOf(failure)}`, 'redis_url: the host, the port, the password')]
  }
}
