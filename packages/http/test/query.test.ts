import { s } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { call, endpoint, serve } from './test-server.ts'

const messages = endpoint({
  method: 'GET',
  path: '/messages',
  auth: 'none',
  query: s.object({
    limit: s.optional(s.refine(s.integer, { minimum: 0 })),
    dir: s.optional(s.literal('b', 'f')),
    full: s.optional(s.boolean),
    from: s.optional(s.string),
    via: s.optional(s.array(s.string)),
  }),
  response: s.record(s.unknown),
  handle: (_, { query }) => ({ ...query }),
})

const needy = endpoint({
  method: 'GET',
  path: '/needy',
  auth: 'none',
  query: s.object({ from: s.string }),
  response: s.record(s.unknown),
  handle: (_, { query }) => ({ ...query }),
})

async function ask(query: string) {
  const { url } = await serve({ messages, needy })
  const { status, body } = await call(`${url}/messages?${query}`)
  return status === 200 ? body : [status, body['errcode']]
}

describe('the query of a request', () => {
  it('is turned into what the schema says', async () => {
    expect(await ask('limit=10&dir=b&full=true&from=s%2B1+2&via=a&via=b%2F&unknown=1&unknown=2')).toEqual({
      limit: 10,
      dir: 'b',
      full: true,
      from: 's+1 2',
      via: ['a', 'b/'],
    })
  })

  it.each(['', '&&', '=', 'x', 'limit=0&'])('may be %j', async (query) => {
    expect(await ask(query)).toEqual(query.startsWith('limit') ? { limit: 0 } : {})
  })

  it.each(['limit=1e9', 'limit=abc', 'limit=-1', 'limit=', 'limit=1.5', 'limit=9007199254740993', 'dir=x', 'full=1'])(
    '[SEC-22] is refused with M_INVALID_PARAM for %s',
    async (query) => {
      expect(await ask(query)).toEqual([400, 'M_INVALID_PARAM'])
    },
  )

  it.each(['limit=1&limit=2', 'limit[]=1', 'limit[__proto__]=1', 'limit%5Bx%5D=1', 'from=%zz', 'from=%00', '%ff=1'])(
    '[SEC-21] is refused with M_INVALID_PARAM for %s',
    async (query) => {
      expect(await ask(query)).toEqual([400, 'M_INVALID_PARAM'])
    },
  )

  it('is refused with M_MISSING_PARAM without a parameter that is required', async () => {
    const { url } = await serve({ needy })
    const { status, body } = await call(`${url}/needy`)
    expect([status, body['errcode']]).toEqual([400, 'M_MISSING_PARAM'])
  })
})
