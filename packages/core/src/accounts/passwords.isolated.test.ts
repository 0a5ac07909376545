import * as argon2 from '@node-rs/argon2'
import { describe, expect, it, vi } from 'vitest'
import { Passwords } from './passwords.ts'

// The real functions, counted: how hard the server works is told by what it computes, not by the clock of a busy machine.
vi.mock('@node-rs/argon2', { spy: true })

describe('Passwords', () => {
  const passwords = new Passwords()

  it('keeps argon2id hashes in PHC format', async () => {
    const kept = await passwords.hash('correct horse')
    expect(kept).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(await passwords.verify(kept, 'correct horse')).toBe(true)
    expect(await passwords.verify(kept, 'correct horsf')).toBe(false)
    expect(passwords.isOutdated(kept)).toBe(false)
  })

  it('[SEC-45] tells passwords apart that begin with the same 72 bytes', async () => {
    const start = 'x'.repeat(72)
    expect(await passwords.verify(await passwords.hash(start + 'a'), start + 'b')).toBe(false)
  })

  it('[SEC-45] takes composed and decomposed characters for the same', async () => {
    const kept = await passwords.hash('caf\u00e9')
    expect(await passwords.verify(kept, 'cafe\u0301')).toBe(true)
  })

  it('[SEC-44] refuses long passwords without hashing them', async () => {
    const runs = vi.mocked(argon2.hash).mock.calls.length + vi.mocked(argon2.verify).mock.calls.length
    for (const length of [513, 1_000_000]) {
      await expect(passwords.hash('x'.repeat(length))).rejects.toMatchObject({ errcode: 'M_INVALID_PARAM' })
      await expect(passwords.verify(undefined, 'x'.repeat(length))).rejects.toMatchObject({
        errcode: 'M_INVALID_PARAM',
      })
    }
    expect(vi.mocked(argon2.hash).mock.calls.length + vi.mocked(argon2.verify).mock.calls.length).toBe(runs)
    expect(await passwords.verify(await passwords.hash('x'.repeat(512)), 'x'.repeat(512))).toBe(true)
  })

  it('refuses the empty password for a new account, and finds it wrong for others', async () => {
    await expect(passwords.hash('')).rejects.toMatchObject({ errcode: 'M_WEAK_PASSWORD' })
    expect(await passwords.verify(await passwords.hash('x'), '')).toBe(false)
  })

  it('works as hard for an account that does not exist', async () => {
    const kept = await passwords.hash('right')
    vi.clearAllMocks()
    expect(await passwords.verify(kept, 'wrong')).toBe(false)
    expect(argon2.verify).toHaveBeenCalledTimes(1)
    expect(argon2.hash).not.toHaveBeenCalled()
    // Nothing to compare with: a hash of the same cost is made instead, and thrown away.
    expect(await passwords.verify(undefined, 'wrong')).toBe(false)
    expect(argon2.verify).toHaveBeenCalledTimes(1)
    expect(argon2.hash).toHaveBeenCalledTimes(1)
    const made = await (vi.mocked(argon2.hash).mock.results[0]!.value as Promise<string>)
    expect(made.split('$').slice(0, 4)).toEqual(kept.split('$').slice(0, 4))
  })

  it('sees that a hash was made at a lower cost', async () => {
    expect(passwords.isOutdated(await argon2.hash('x', { memoryCost: 4096, timeCost: 1, parallelism: 1 }))).toBe(true)
  })

  it('turns a crowd away instead of queueing it without end', async () => {
    const crowd = await Promise.allSettled(Array.from({ length: 110 }, () => passwords.verify(undefined, 'x')))
    const refused = crowd.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(9)
    expect((refused[0] as PromiseRejectedResult).reason).toMatchObject({ name: 'Unavailable' })
  })
})
