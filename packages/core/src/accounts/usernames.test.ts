import type { ServerName } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { generateLocalpart, loginLocalparts, newLocalpart } from './usernames.ts'

const server = 'hearth.test' as ServerName

describe('newLocalpart', () => {
  it('puts capitals into lower case', () => {
    expect(newLocalpart('Alice.B', server)).toBe('alice.b')
  })

  it.each(['', ' ', 'a b', 'a:b', '@a', 'ünal', '\u212aelvin', 'a\0', 'a\n', 'a%', `${'x'.repeat(255)}`])(
    'refuses %j',
    (name) => {
      expect(() => newLocalpart(name, server)).toThrow(expect.objectContaining({ errcode: 'M_INVALID_USERNAME' }))
    },
  )

  it.each(['a', '3', '.', '_', '=', '-', '/', '+', 'x'.repeat(255 - '@:hearth.test'.length)])('takes %j', (name) => {
    expect(newLocalpart(name, server)).toBe(name)
  })
})

describe('loginLocalparts', () => {
  it('takes a localpart or a full user id, in any case', () => {
    expect(loginLocalparts('alice', server)).toEqual(['alice'])
    expect(loginLocalparts('Alice', server)).toEqual(['Alice', 'alice'])
    expect(loginLocalparts('@Alice:hearth.test', server)).toEqual(['Alice', 'alice'])
    expect(loginLocalparts('@alice:HEARTH.test', server)).toEqual(['alice'])
  })

  it('knows nobody of another server', () => {
    expect(loginLocalparts('@alice:elsewhere.test', server)).toEqual([])
    expect(loginLocalparts('@alice', server)).toEqual([])
    expect(loginLocalparts('a\0b', server)).toEqual([])
    expect(loginLocalparts('a'.repeat(1000), server)).toEqual([])
  })
})

it('generated localparts are valid and do not repeat', () => {
  const generated = Array.from({ length: 1000 }, generateLocalpart)
  expect(new Set(generated).size).toBe(1000)
  for (const localpart of generated) expect(newLocalpart(localpart, server)).toBe(localpart)
})
