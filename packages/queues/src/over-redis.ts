/** All that talks to Redis: with its libraries a sixth of what the server would otherwise load at its start. */
export { RedisBus } from './redis-bus.ts'
export { RedisConnection } from './redis-connection.ts'
export { RedisJobQueue } from './redis-job-queue.ts'
