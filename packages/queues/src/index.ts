export { inspectRedis, type RedisInspection } from './inspect-redis.ts'
