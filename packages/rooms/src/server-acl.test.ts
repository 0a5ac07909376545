import { describe, expect, it } from 'vitest'
import { aclAllows } from './server-acl.ts'

describe('m.room.server_acl', () => {
  it('shuts out who is denied, then lets in who is allowed, then nobody', () => {
    const acl = { allow: ['*.good.example', 'other.example'], deny: ['bad.good.example'] }
    expect(aclAllows(acl, 'a.good.example')).toBe(true)
    expect(aclAllows(acl, 'bad.good.example:8448')).toBe(false)
    expect(aclAllows(acl, 'OTHER.example:1')).toBe(true)
    expect(aclAllows(acl, 'elsewhere.example')).toBe(false)
    expect(aclAllows({}, 'a.example')).toBe(false)
    expect(aclAllows({ allow: 'a.example' }, 'a.example')).toBe(false)
  })

  it('refuses address literals where it says so', () => {
    expect(aclAllows({ allow: ['*'], allow_ip_literals: false }, '127.0.0.1:8448')).toBe(false)
    expect(aclAllows({ allow: ['*'], allow_ip_literals: false }, '[::1]:8448')).toBe(false)
    expect(aclAllows({ allow: ['*'], allow_ip_literals: false }, 'a.example')).toBe(true)
    expect(aclAllows({ allow: ['*'], allow_ip_literals: 'false' }, '[::1]')).toBe(true)
  })
})
