import { describe, expect, it } from 'vitest'
import { isServerName } from './server-name.ts'

describe('server name', () => {
  it.each([
    'matrix.org',
    'matrix.org:8888',
    '1.2.3.4',
    '1.2.3.4:1234',
    '[1234:5678::abcd]',
    '[1234:5678::abcd]:5678',
    'localhost',
    'MATRIX.ORG',
    'example.org.',
    'xn--bcher-kva.example',
    '[::1]',
    '[::]',
    '[1::]',
    '[2001:db8::1]:8448',
    '[::ffff:1.2.3.4]',
    '[1:2:3:4:5:6:7:8]',
    '[1:2:3:4:5:6:1.2.3.4]',
    'a'.repeat(255),
    '1.2.3',
    'h:0',
    'h:65535',
  ])('takes %s', (name) => {
    expect(isServerName(name)).toBe(true)
  })

  it.each([
    '',
    ':8448',
    'host:',
    'host:port',
    'host:123456',
    'host:65536',
    'host:8448:8448',
    'host name',
    'host\n',
    'host/path',
    'h@x',
    'h#x',
    'ho_st',
    'hôte.example',
    '①②⑦.0.0.1',
    '1.2.3.256',
    '999.1.1.1:80',
    '::1',
    '[]',
    '[:]',
    '[1]',
    '[:::]',
    '[1:2:3:4:5:6:7]',
    '[1:2:3:4:5:6:7:8:9]',
    '[1::2::3]',

    '[12345::]',
    '[::1.2.3.256]',
    '[1.2.3.4::]',
    '[1:2:3:4:5:6:7:1.2.3.4]',
    '[::1',
    '[::1]x',
    '[fe80::1%25eth0]',
    'a'.repeat(256),
  ])('[SEC-100] refuses %j', (name) => {
    expect(isServerName(name)).toBe(false)
  })
})
