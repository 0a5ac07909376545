import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  buildUserId,
  isDeviceId,
  isEventId,
  isHistoricalUserId,
  isRoomAlias,
  isRoomId,
  isUserId,
  isValidNewLocalpart,
  localpartOf,
  parseRoomAlias,
  parseUserId,
  serverOf,
  type UserId,
} from './ids.ts'
import type { ServerName } from './server-name.ts'
import { stringFormats } from './string-formats.ts'

const server = 'example.org' as ServerName

describe('user id', () => {
  it.each(['@alice:example.org', '@a.b_c=d-e/f+0:example.org', '@alice:example.org:8448', '@alice:[::1]:8448'])(
    'takes %s, which could be allocated today',
    (id) => {
      expect(isUserId(id)).toBe(true)
      expect(isHistoricalUserId(id)).toBe(false)
    },
  )

  it.each([
    '@Alice:example.org',
    '@al ice:example.org',
    '@álice:example.org',
    '@😀:example.org',
    '@:example.org',
    '@a\n:b',
  ])('takes the historical %j', (id) => {
    expect(isUserId(id)).toBe(true)
    expect(isHistoricalUserId(id)).toBe(true)
  })

  it.each([
    '',
    '@',
    'alice',
    '@alice',
    'alice:example.org',
    '#alice:example.org',
    '@alice:',
    '@alice:exa mple',
    '@a\0:b',
  ])('refuses %j', (id) => {
    expect(isUserId(id)).toBe(false)
    expect(isHistoricalUserId(id)).toBe(false)
  })

  it('refuses a lone surrogate', () => {
    expect(isUserId('@\ud800:example.org')).toBe(false)
  })

  it('[SEC-101] splits at the first colon', () => {
    expect(parseUserId('@alice:[2001:db8::1]:8448')).toEqual({ localpart: 'alice', server: '[2001:db8::1]:8448' })
    expect(serverOf('@alice:h:8448')).toBe('h:8448')
    expect(localpartOf('@alice:h:8448' as UserId)).toBe('alice')
  })

  it('has at most 255 bytes, sigil and server included', () => {
    const room = 255 - '@:example.org'.length
    expect(isUserId(`@${'a'.repeat(room)}:example.org`)).toBe(true)
    expect(isUserId(`@${'a'.repeat(room + 1)}:example.org`)).toBe(false)
    expect(isUserId(`@${'😀'.repeat(room / 4)}:example.org`)).toBe(true)
    expect(isUserId(`@${'😀'.repeat(room / 4 + 1)}:example.org`)).toBe(false)
  })

  it('counts bytes as UTF-8 does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (localpart) => {
        fc.pre(!/[:\0]/.test(localpart))
        const id = `@${localpart}:example.org`
        expect(isUserId(id)).toBe(Buffer.byteLength(id) <= 255)
      }),
    )
  })

  it('is parsed and built back to itself', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9._=/+-]{1,40}$/), (localpart) => {
        expect(parseUserId(buildUserId(localpart, server))).toEqual({ localpart, server })
      }),
    )
  })

  it('says what is wrong with a text that is none', () => {
    expect(() => parseUserId('alice')).toThrow(expect.objectContaining({ errcode: 'M_INVALID_PARAM', status: 400 }))
    expect(() => buildUserId('a'.repeat(255), server)).toThrow(
      expect.objectContaining({ errcode: 'M_INVALID_USERNAME' }),
    )
  })
})

describe('localpart of a new user', () => {
  it.each(['alice', '0', 'a.b_c=d-e/f+g'])('takes %s', (localpart) => {
    expect(isValidNewLocalpart(localpart)).toBe(true)
  })

  it.each(['', 'Alice', 'a b', 'ä', 'a:b', 'a\n', 'a@b', '*'])('refuses %j', (localpart) => {
    expect(isValidNewLocalpart(localpart)).toBe(false)
  })
})

describe('room id', () => {
  it.each(['!opaque:example.org', '!a b😀:example.org:8448', '!Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg'])(
    'takes %s',
    (id) => {
      expect(isRoomId(id)).toBe(true)
    },
  )

  it.each([
    '',
    '!',
    '!:example.org',
    'a:example.org',
    '#a:example.org',
    '!a:',
    '!a:b c',
    '!a\0:b',
    `!${'a'.repeat(255)}`,
  ])('refuses %j', (id) => {
    expect(isRoomId(id)).toBe(false)
  })

  it('has no server to tell from room version 12 on', () => {
    expect(() => serverOf('!Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg')).toThrow()
  })
})

describe('room alias', () => {
  it('takes any legal localpart, as one with a space', () => {
    expect(isRoomAlias('#the pub:example.org')).toBe(true)
    expect(parseRoomAlias('#the pub:example.org')).toEqual({ localpart: 'the pub', server })
  })

  it.each(['', '#', '#a', '#:example.org', '!a:example.org', '#a:b c', '#a\0:b', `#${'a'.repeat(255)}:b`])(
    'refuses %j',
    (alias) => {
      expect(isRoomAlias(alias)).toBe(false)
    },
  )
})

describe('event id', () => {
  it.each([
    '$random:example.org',
    '$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk',
    '$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg',
  ])('takes %s, the form of some room version', (id) => {
    expect(isEventId(id)).toBe(true)
  })

  it.each(['', '$', 'a', '!a', '$a\0', '$\udc00', `$${'a'.repeat(255)}`, `$${'é'.repeat(128)}`])('refuses %j', (id) => {
    expect(isEventId(id)).toBe(false)
  })
})

describe('device id', () => {
  it('[SEC-16] has 1 to 255 bytes', () => {
    expect(isDeviceId('')).toBe(false)
    expect(isDeviceId('a'.repeat(255))).toBe(true)
    expect(isDeviceId('a'.repeat(256))).toBe(false)
  })
})

describe('string formats', () => {
  it.each([
    ['mx-user-id', '@a:b', '!a:b'],
    ['mx-room-id', '!a:b', '@a:b'],
    ['mx-room-alias', '#a:b', '@a:b'],
    ['mx-event-id', '$a', '@a:b'],
    ['mx-server-name', 'b', '@a:b'],
    ['mx-device-id', 'ABC', ''],
    ['storable-text', 'm.room.message', 'a\0b'],
  ])('%s takes %s, not %j', (format, good, bad) => {
    expect(stringFormats[format]?.(good)).toBe(true)
    expect(stringFormats[format]?.(bad)).toBe(false)
  })
})
