import type { ServerName } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { delegateOf } from './delegate-of.ts'

describe('the server that a well-known file names', () => {
  it.each([
    ['example.org', 'https://matrix.example.org', 'matrix.example.org:443'],
    ['example.org', 'https://example.org', 'example.org:443'],
    ['example.org', 'https://matrix.example.org:8448', 'matrix.example.org:8448'],
    ['example.org', 'https://192.0.2.1', '192.0.2.1:443'],
    ['example.org', 'https://[2001:db8::1]:1', '[2001:db8::1]:1'],
  ])('for %s at %s is %s', (serverName, publicUrl, delegate) => {
    expect(delegateOf(serverName as ServerName, publicUrl)).toBe(delegate)
  })

  it.each([
    ['example.org', 'https://example.org:8448', 'is where its name says'],
    ['Example.org', 'https://example.org:8448', 'is where its name says, but for case'],
    ['example.org:443', 'https://matrix.example.org', 'has a port in its name'],
    ['192.0.2.1', 'https://matrix.example.org', 'has an address for a name'],
    ['[2001:db8::1]', 'https://matrix.example.org', 'has an address for a name'],
    ['localhost', 'http://127.0.0.1:8008', 'has no TLS'],
    ['example.org', 'https://example.org/matrix', 'has a path'],
    ['example.org', 'https://0.0.0.0:8449', 'listens on every address'],
    ['example.org', 'https://[::]:8449', 'listens on every address'],
  ])('is none for %s at %s, which %s', (serverName, publicUrl) => {
    expect(delegateOf(serverName as ServerName, publicUrl)).toBeUndefined()
  })
})
