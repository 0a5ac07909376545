import { s } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { sendRaw } from './raw-connection.ts'
import { call, endpoint, serve } from './test-server.ts'

const whoami = endpoint({
  method: 'GET',
  path: '/whoami',
  auth: 'user',
  response: s.object({ user_id: s.string }),
  handle: (_, { requester }) => ({ user_id: requester.userId }),
})

const open = endpoint({
  method: 'GET',
  path: '/open',
  auth: 'none',
  response: s.object({}),
  handle: () => ({}),
})

async function ask(head: string, path = '/whoami') {
  const { port, logLines } = await serve({ whoami, open })
  const answer = await sendRaw(port, `GET ${path} HTTP/1.1\r\nHost: x\r\n${head}\r\n`)
  return { status: answer.status, body: JSON.parse(answer.body) as { errcode?: string }, logLines }
}

describe('the access token of a request', () => {
  it.each(['Authorization: Bearer alice\r\n', 'authorization: bearer  alice\r\n'])(
    'is that of the header %j',
    async (header) => {
      expect(await ask(header)).toMatchObject({ status: 200, body: { user_id: '@alice:localhost' } })
    },
  )

  it('is that of the query when there is no header', async () => {
    expect(await ask('', '/whoami?access_token=alice')).toMatchObject({ status: 200 })
  })

  it.each(['', 'Authorization: Basic YTpi\r\n', 'Authorization: Bearer\r\n', 'Authorization: Bearer a b\r\n'])(
    'is missing with the header %j',
    async (header) => {
      expect(await ask(header)).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
    },
  )

  it('[SEC-20] is not chosen from two Authorization headers', async () => {
    const answer = await ask('Authorization: Bearer alice\r\nAuthorization: Bearer bob\r\n')
    expect(answer).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
  })

  it('[SEC-20] is not chosen from a header and a query', async () => {
    const answer = await ask('Authorization: Bearer alice\r\n', '/whoami?access_token=alice')
    expect(answer).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
  })

  it.each(['access_token=alice&access_token=bob', 'access_token[]=alice'])(
    '[SEC-21] is not taken from the query %s',
    async (query) => {
      expect(await ask('', `/whoami?${query}`)).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
    },
  )

  it('is not looked at where nobody has to be logged in', async () => {
    expect(await ask('Authorization: Bearer ???\r\n', '/open')).toMatchObject({ status: 200 })
  })

  it('never comes into the log', async () => {
    const { logLines } = await ask('', '/whoami?access_token=alice')
    const unknown = await ask('', '/nothing?access_token=alice')
    const log = [...logLines, ...unknown.logLines].join('\n')
    expect(log).toContain('"operation":"whoami"')
    expect(log).toContain('"path":"/nothing"')
    expect(log).not.toContain('access_token')
  })

  it('is refused before the body is read', async () => {
    const { port } = await serve({
      upload: endpoint({
        method: 'PUT',
        path: '/upload',
        auth: 'user',
        body: s.record(s.unknown),
        response: s.object({}),
        handle: () => ({}),
      }),
    })
    const head = 'PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n'
    const answer = await sendRaw(port, head)
    expect([answer.status, /connection: close/i.test(answer.head)]).toEqual([401, true])
  })
})

describe('an endpoint that nothing can authenticate', () => {
  it('is not served', async () => {
    const orphan = { ...open, auth: 'server' }
    await expect(serve({ orphan })).rejects.toThrow("nothing authenticates 'server'")
  })
})

describe('a path that two endpoints claim', () => {
  it('is not served', async () => {
    await expect(serve({ open, again: { ...open } })).rejects.toThrow('GET /open is served twice')
    expect((await call(`${(await serve({ open })).url}/open`)).status).toBe(200)
  })
})
