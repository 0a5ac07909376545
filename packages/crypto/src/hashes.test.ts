import { describe, expect, it } from 'vitest'
import { canonicalJson } from './canonical-json.ts'
import { sha256 } from './hashes.ts'
import { encodeUnpaddedBase64 } from './unpadded-base64.ts'

describe('sha256', () => {
  it('is that of FIPS 180', () => {
    expect(sha256('abc').toString('hex')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })

  it('encodes a text as UTF-8', () => {
    expect(sha256('日本語😀')).toEqual(sha256(Buffer.from('日本語😀', 'utf8')))
  })

  // {@link https://spec.matrix.org/v1.19/appendices/#event-signing}
  it('of canonical JSON gives the content hashes of the specification', () => {
    const minimal = {
      room_id: '!x:domain',
      sender: '@a:domain',
      origin: 'domain',
      origin_server_ts: 1000000,
      type: 'X',
      content: {},
      prev_events: [],
      auth_events: [],
      depth: 3,
    }
    const message = {
      content: { body: 'Here is the message content' },
      event_id: '$0:domain',
      origin: 'domain',
      origin_server_ts: 1000000,
      type: 'm.room.message',
      room_id: '!r:domain',
      sender: '@u:domain',
    }
    const hash = (event: typeof minimal | typeof message) => encodeUnpaddedBase64(sha256(canonicalJson(event)))
    expect(hash(minimal)).toBe('5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos')
    expect(hash(message)).toBe('onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g')
  })
})
