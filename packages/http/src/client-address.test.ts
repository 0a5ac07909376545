import { describe, expect, it } from 'vitest'
import { addressGroup, clientAddress, TrustedProxies } from './client-address.ts'

const trusted = new TrustedProxies(['loopback', '10.0.0.0/8', '192.0.2.1', '2001:db8:1::/48'])

describe('the address of a client', () => {
  it.each([
    ['the peer’s own without the header', '203.0.113.7', undefined, '203.0.113.7'],
    ['the peer’s own when it is no proxy of ours', '203.0.113.7', '198.51.100.1', '203.0.113.7'],
    ['the one that our proxy names', '127.0.0.1', '198.51.100.1', '198.51.100.1'],
    [
      'the rightmost that is no proxy of ours',
      '127.0.0.1',
      '1.1.1.1, 198.51.100.1, 10.1.2.3,192.0.2.1',
      '198.51.100.1',
    ],
    ['the proxy’s when all are proxies', '127.0.0.1', '10.0.0.1, 10.0.0.2', '10.0.0.1'],
    ['the last one that can be read', '127.0.0.1', 'unknown, 10.0.0.2', '10.0.0.2'],
    ['the peer’s when none can be read', '127.0.0.1', 'evil', '127.0.0.1'],
    ['written as IPv4 behind an IPv6 socket', '::ffff:127.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['an IPv6 address as well', '2001:db8:1::5', '2001:db8:2::5', '2001:db8:2::5'],
  ])('is %s', (_, peer, header, expected) => {
    expect(clientAddress(peer, header, trusted)).toBe(expected)
  })
})

describe('trusted proxies', () => {
  it.each(['localhost', '10.0.0.0/33', '::1/129', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/-1', ''])(
    'cannot be %j',
    (entry) => {
      expect(() => new TrustedProxies([entry])).toThrow('not an address or CIDR range')
    },
  )
})

describe('the group of an address', () => {
  it.each([
    ['198.51.100.1', '198.51.100.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['1:2:3:4:5::', '1:2:3:4::/64'],
  ])('of %s is %s', (address, group) => {
    expect(addressGroup(address)).toBe(group)
  })
})
