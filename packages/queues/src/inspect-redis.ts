/** What an administrator may want to know of a Redis server. */
export interface RedisInspection {
  readonly version: string
  /** What it does when its memory is full: `noeviction` is what Hearth needs. */
  readonly policy: string
  readonly role: string
  /** How long one answer took. */
  readonly latencyMs: number
}

const LIMIT_MS = 5_000

/** Looks at a Redis server. Rejects when it cannot be reached, within some seconds. */
export async function inspectRedis(url: string, signal: AbortSignal): Promise<RedisInspection> {
  const { Redis } = await import('ioredis')
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: LIMIT_MS,
    commandTimeout: LIMIT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  // What goes wrong with the connection fails the command that waits for it.
  let trouble: Error | undefined
  redis.on('error', (error: Error) => (trouble ??= error))
  const onAbort = (): void => redis.disconnect()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await redis.connect()
    const start = performance.now()
    await redis.ping()
    const latencyMs = performance.now() - start
    const info = await redis.info()
    const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? 'unknown'
    return { version: field('redis_version'), policy: field('maxmemory_policy'), role: field('role'), latencyMs }
  } catch (error) {
    throw trouble ?? error
  } finally {
    signal.removeEventListener('abort', onAbort)
    redis.disconnect()
  }
}
