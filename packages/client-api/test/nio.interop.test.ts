import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { interopPrograms, pythonEnvironment, TestServer } from '@hearth/test-kit'
import { describe, expect, it } from 'vitest'

const steps = [
  'logged in',
  'created a room and invited',
  'joined',
  'sent a message into a waiting sync',
  'paged back to the beginning',
  'reacted, and listed what relates to a message',
  'typed',
  'told how far they had read',
  'redacted',
  'left',
  'logged out',
]

describe('matrix-nio, unmodified', () => {
  it('logs in, creates, joins, sends, syncs, pages back, reacts, types, reads and redacts', async () => {
    const python = await pythonEnvironment()
    await using server = await TestServer.start()
    const alice = await server.register('alice', 'secret')
    const bob = await server.register('bob', 'secret')
    const program = join(interopPrograms, 'nio_main_job.py')
    const people = [alice.userId, 'secret', bob.userId, 'secret']
    const { stdout } = await promisify(execFile)(python, [program, server.url, ...people])
    expect(stdout.trim().split('\n')).toEqual(steps)
  })
})
