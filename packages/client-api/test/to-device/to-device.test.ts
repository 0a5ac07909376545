import type { JsonObject, ServerName } from '@hearth/protocol'
import { TestClient, TestServer, type SyncAnswer } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

describe('messages to devices', () => {
  let server: TestServer
  let count = 0
  let alice: TestClient
  let bob: TestClient
  let phone: TestClient

  beforeAll(async () => {
    server = await TestServer.start({ settings: { HEARTH_REGISTRATION_GUESTS: 'true' } })
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    count += 1
    alice = await server.register(`alice${count}`)
    bob = await server.register(`bob${count}`)
    phone = await server.anonymous.logIn(`bob${count}`, `bob${count}'s password`)
  })

  const type = 'com.example.test'
  const path = (txnId: string, eventType = type) =>
    `sendToDevice/${encodeURIComponent(eventType)}/${encodeURIComponent(txnId)}`
  let txns = 0
  const send = (to: Readonly<Record<string, JsonObject>>, txnId = `t${(txns += 1)}`, from = alice) =>
    from.put(path(txnId), { messages: to })
  const toDevice = (client: TestClient, n: unknown) => ({ [client.userId]: { [client.deviceId]: { n } as JsonObject } })
  const refusal = async (body: unknown, target = path(`t${(txns += 1)}`)) => {
    const answer = await alice.request('PUT', target, { body })
    return [answer.status, answer.body['errcode']]
  }
  /** Devices on which nobody ever logged in. */
  const addDevices = (userId: string, n: number) =>
    server.store.database.execute(
      null,
      `insert into devices (created_ts, last_seen_ts, user_nid, device_id, last_seen_ip)
       select 0, 0, user_nid, 'ADDED' || n, '' from accounts, generate_series(1, $2) n where localpart = $1`,
      [userId.slice(1, userId.indexOf(':')), n],
    )
  const numbers = ({ to_device: toDevice }: SyncAnswer) => (toDevice?.events ?? []).map(({ content }) => content['n'])

  it('come down the sync of that device alone, with sender and type', async () => {
    expect(await send(toDevice(phone, 1))).toEqual({})
    expect((await phone.sync()).to_device).toEqual({ events: [{ type, sender: alice.userId, content: { n: 1 } }] })
    expect((await bob.sync()).to_device).toBeUndefined()
    expect((await alice.sync()).to_device).toBeUndefined()
  })

  it('may be sent to oneself, and by guests', async () => {
    await send(toDevice(alice, 'mine'))
    expect(numbers(await alice.sync())).toEqual(['mine'])
    const session = await server.anonymous.expect('POST', 'register', { query: { kind: 'guest' }, body: {} })
    const { user_id: userId, device_id: deviceId, access_token: accessToken } = session as Record<string, string>
    const credentials = { userId: userId!, deviceId: deviceId!, accessToken: accessToken! }
    const guest = new TestClient({ baseUrl: () => server.url, credentials })
    await send(toDevice(bob, 'from a guest'), undefined, guest)
    expect(numbers(await bob.sync())).toEqual(['from a guest'])
  })

  it('reach several users with one request, each with their own', async () => {
    await send({ ...toDevice(alice, 'a'), ...toDevice(phone, 'p') })
    expect(numbers(await alice.sync())).toEqual(['a'])
    expect(numbers(await phone.sync())).toEqual(['p'])
  })

  it('for * reach every device of the user that has none of its own', async () => {
    await send({ [bob.userId]: { '*': { n: 'all' } } })
    await send({ [bob.userId]: { '*': { n: 'others' }, [phone.deviceId]: { n: 'own' } } })
    expect(numbers(await bob.sync())).toEqual(['all', 'others'])
    expect(numbers(await phone.sync())).toEqual(['all', 'own'])
  })

  it('for users and devices that do not exist are passed over', async () => {
    await send({
      [bob.userId]: { NOSUCHDEVICE: { n: 0 }, [bob.deviceId]: { n: 1 } },
      '@nobody:hearth.test': { '*': { n: 0 }, X: { n: 0 } },
    })
    expect(numbers(await bob.sync())).toEqual([1])
  })

  it('[SEC-240] come again until a later token shows that they have arrived, and then no more', async () => {
    const { next_batch: before } = await bob.sync()
    await send(toDevice(bob, 1))
    const lost = await bob.sync({ since: before })
    await send(toDevice(bob, 2))
    expect(numbers(lost)).toEqual([1])
    const second = await bob.sync({ since: before })
    expect(numbers(second)).toEqual([1, 2])
    // Also to who starts anew, and the old token still does.
    expect(numbers(await bob.sync())).toEqual([1, 2])
    expect(numbers(await bob.sync({ since: lost.next_batch }))).toEqual([2])
    expect(numbers(await bob.sync({ since: second.next_batch }))).toEqual([])
    for (const since of [undefined, before, lost.next_batch]) expect(numbers(await bob.sync({ since }))).toEqual([])
  })

  it('are not taken for arrived by a token that tells of something else', async () => {
    await send(toDevice(bob, 1))
    const { end } = (await bob.get('/_matrix/client/api/v1/initialSync')) as { end: string }
    expect(numbers(await bob.sync({ since: end }))).toEqual([1])
    const { end: later } = (await bob.get('events', { from: end, timeout: 0 })) as { end: string }
    expect(numbers(await bob.sync({ since: later }))).toEqual([1])
    expect(numbers(await bob.sync({ since: end.split('_')[0]! }))).toEqual([1])
    // What has arrived stays so.
    const { next_batch: since } = await bob.sync()
    const { end: last } = (await bob.get('events', { from: since, timeout: 0 })) as { end: string }
    expect(numbers(await bob.sync({ since: last }))).toEqual([])
  })

  it('of a transaction that is repeated are sent once', async () => {
    const message = toDevice(bob, 'once')
    await Promise.all(Array.from({ length: 10 }, () => send(message, 'same')))
    const { next_batch: since, ...answer } = await bob.sync()
    expect(numbers({ ...answer, next_batch: since })).toEqual(['once'])
    await bob.sync({ since })
    await send(message, 'same')
    await send(toDevice(bob, 'next'))
    expect(numbers(await bob.sync({ since }))).toEqual(['next'])
  })

  it('with the transaction id of another device or type are others', async () => {
    await send(toDevice(bob, 1), 'shared')
    await alice.put(path('shared', 'com.example.other'), { messages: toDevice(bob, 2) })
    await send(toDevice(bob, 3), 'shared', phone)
    expect(numbers(await bob.sync())).toEqual([1, 2, 3])
  })

  it('wake the syncs of their device', async () => {
    const { next_batch: since } = await phone.sync()
    const waiting = phone.sync({ since, timeout: 30_000 })
    await send({ [bob.userId]: { '*': { n: 1 } } })
    expect(numbers(await waiting)).toEqual([1])
  })

  it('come a hundred at a time, in order, each once, also when other news comes between', async () => {
    const { next_batch: start } = await bob.sync()
    for (let n = 0; n < 230; n += 1) await send(toDevice(bob, n))
    const got: unknown[] = []
    let since = start
    for (const expected of [100, 100, 30]) {
      const answer = await bob.sync({ since })
      expect(numbers(answer)).toHaveLength(expected)
      // The answer is lost once.
      expect(numbers(await bob.sync({ since }))).toEqual(numbers(answer))
      got.push(...numbers(answer))
      since = answer.next_batch
      await bob.createRoom()
    }
    expect(got).toEqual(Array.from({ length: 230 }, (_, n) => n))
    expect(numbers(await bob.sync({ since }))).toEqual([])
  })

  it('come in answers of a megabyte or so', async () => {
    const x = 'x'.repeat(60 * 1024)
    for (let n = 0; n < 20; n += 1) await send({ [bob.userId]: { [bob.deviceId]: { n, x } } })
    const first = await bob.sync()
    expect(numbers(first).length).toBeLessThan(20)
    const rest = await bob.sync({ since: first.next_batch })
    expect([...numbers(first), ...numbers(rest)]).toEqual(Array.from({ length: 20 }, (_, n) => n))
  })

  it('go with the device', async () => {
    await send(toDevice(phone, 1))
    await phone.post('logout')
    const again = await server.anonymous.logIn(`bob${count}`, `bob${count}'s password`, { device_id: phone.deviceId })
    expect(numbers(await again.sync())).toEqual([])
    const left = await server.store.database.query<{ n: number }>(
      null,
      'select count(*) as n from to_device t left join devices d on d.nid = t.device_nid where d.nid is null',
    )
    expect(left).toEqual([{ n: 0 }])
  })

  it('survive a restart, and so do their transaction ids', async () => {
    const { next_batch: since } = await bob.sync()
    await send(toDevice(bob, 1), 'durable')
    await server.restart()
    const here = { alice: alice.at(server.url), bob: bob.at(server.url) }
    await send(toDevice(bob, 1), 'durable', here.alice)
    const answer = await here.bob.sync({ since })
    expect(numbers(answer)).toEqual([1])
    await server.restart()
    const { next_batch: last } = answer
    expect(numbers(await bob.at(server.url).sync({ since: last }))).toEqual([])
    expect(numbers(await bob.at(server.url).sync())).toEqual([])
  })

  it('reach devices that sync with another process', async () => {
    await using second = await TestServer.start({ database: server.database })
    const { next_batch: since } = await phone.at(second.url).sync()
    const waiting = phone.at(second.url).sync({ since, timeout: 30_000 })
    await send(toDevice(phone, 1), 'both')
    const answer = await waiting
    expect(numbers(answer)).toEqual([1])
    await send(toDevice(phone, 1), 'both', alice.at(second.url))
    // What one process knows to have arrived, the other does not send again.
    expect(numbers(await phone.sync({ since }))).toEqual([1])
    expect(numbers(await phone.at(second.url).sync({ since: answer.next_batch }))).toEqual([])
    expect(numbers(await phone.sync({ since }))).toEqual([])
  })

  it('wait for the servers of other users, once, beside those for ours', async () => {
    const messages = {
      ...toDevice(bob, 1),
      '@carol:elsewhere.test': { PHONE: { n: 2 }, ['__proto__']: { n: 3 } },
      '@dan:elsewhere.test': { '*': { n: 4 } },
      '@erin:further.test': { '*': { n: 5 } },
    }
    await send(messages, 'remote')
    await send(messages, 'remote')
    expect(numbers(await bob.sync())).toEqual([1])
    const serverNid = (await server.store.servers.find('elsewhere.test' as ServerName))!
    const [waiting, ...others] = await server.store.fedOutbox.list(serverNid, 100, 1_000_000)
    expect(others).toEqual([])
    expect(waiting!.type).toBe('m.direct_to_device')
    expect(JSON.parse(waiting!.content)).toEqual({
      sender: alice.userId,
      type,
      message_id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      messages: {
        '@carol:elsewhere.test': { PHONE: { n: 2 }, ['__proto__']: { n: 3 } },
        '@dan:elsewhere.test': { '*': { n: 4 } },
      },
    })
    const furtherNid = (await server.store.servers.find('further.test' as ServerName))!
    expect(await server.store.fedOutbox.list(furtherNid, 100, 1_000_000)).toHaveLength(1)
  })

  describe('that are refused', () => {
    it.each([
      ['without messages', {}, 'M_MISSING_PARAM'],
      ['that are no object', { messages: [] }, 'M_BAD_JSON'],
      ['for a user, that are no object', { messages: { '@bob:hearth.test': 'x' } }, 'M_BAD_JSON'],
      ['without an object as content', { messages: { '@bob:hearth.test': { X: 'x' } } }, 'M_BAD_JSON'],
    ])('are those %s', async (_what, body, errcode) => {
      expect(await refusal(body)).toEqual([400, errcode])
    })

    it('are those for what is no user id, all of the request', async () => {
      for (const id of ['__proto__', 'bob', '!room:hearth.test', '']) {
        const messages = `{"messages":{${JSON.stringify(bob.userId)}:{"*":{"n":1}},${JSON.stringify(id)}:{"*":{}}}}`
        expect(await refusal(messages)).toEqual([400, 'M_INVALID_PARAM'])
      }
      expect(numbers(await bob.sync())).toEqual([])
    })

    it('are those to other servers that cannot be signed, all of the request', async () => {
      const body = `{"messages":{${JSON.stringify(bob.userId)}:{"*":{"n":1}},"@bob:elsewhere.test":{"*":{"n":1.5}}}}`
      expect(await refusal(body)).toEqual([400, 'M_BAD_JSON'])
      expect(numbers(await bob.sync())).toEqual([])
    })

    it('are those with a type that is too long or has a NUL', async () => {
      for (const eventType of ['x'.repeat(256), 'a\0b']) {
        const target = path('t', eventType)
        expect(await refusal({ messages: toDevice(bob, 1) }, target)).toEqual([400, 'M_INVALID_PARAM'])
      }
    })

    it('are those that are too large, nested too deeply, or have a NUL', async () => {
      expect(await refusal({ messages: toDevice(bob, 'x'.repeat(65 * 1024)) })).toEqual([413, 'M_TOO_LARGE'])
      const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
      for (const value of [deep, '"\\u0000"', '"\\ud800"']) {
        const body = `{"messages":{${JSON.stringify(bob.userId)}:{"*":{"n":${value}}}}}`
        expect(await refusal(body)).toEqual([400, 'M_BAD_JSON'])
      }
      expect(numbers(await bob.sync())).toEqual([])
    })

    it('are more than ten thousand at once', async () => {
      const devices = (n: number) =>
        Object.fromEntries(Array.from({ length: n }, (_, i) => [i === 0 ? bob.deviceId : `DEVICE${i}`, { n: i }]))
      expect(await refusal({ messages: { [bob.userId]: devices(10_001) } })).toEqual([413, 'M_TOO_LARGE'])
      expect(numbers(await bob.sync())).toEqual([])
      await send({ [bob.userId]: devices(10_000) })
      expect(numbers(await bob.sync())).toEqual([0])
    })

    it('are those that wildcards make too large', async () => {
      const users = [bob, alice, await server.register('carol')]
      for (const { userId } of users) await addDevices(userId, 99)
      const x = 'x'.repeat(60 * 1024)
      const messages = Object.fromEntries(users.map(({ userId }) => [userId, { '*': { x } }]))
      const target = path('wild')
      expect(await refusal({ messages }, target)).toEqual([413, 'M_TOO_LARGE'])
      // It was no transaction either.
      await send(toDevice(bob, 1), 'wild')
      expect(numbers(await bob.sync())).toEqual([1])
    })
  })

  it('may hold any JSON, and come as they were sent', async () => {
    const content = '{"10":1,"9":[1.5,{"a":null}],"é":"\\u0001","constructor":{"x":1},"__proto__":{"y":2}}'
    await alice.put(
      path('any', 'a/b %?#ü'),
      `{"messages":{${JSON.stringify(bob.userId)}:{"__proto__":{},"constructor":{},"*":${content}}}}`,
    )
    const { text } = await bob.request('GET', 'sync')
    expect(text).toContain(`"type":"a/b %?#ü"`)
    expect(text).toContain(`"content":${JSON.stringify(JSON.parse(content))}`)
    expect(text).toContain('__proto__')
  })

  it('are kept up to ten thousand a device; then it gets none until it has taken some', async () => {
    const { next_batch: since } = await bob.sync()
    await server.store.database.execute(
      null,
      `with head as (update stream_head set pos = pos + 10000 returning pos),
            place as (select d.nid, u.user_nid from devices d, accounts u
                       where d.device_id = $1 and d.user_nid = u.user_nid and u.localpart = $2)
       insert into to_device (pos, device_nid, sender_nid, type, content)
       select head.pos - 10000 + n, nid, user_nid, 'm.dummy', '{}' from head, place, generate_series(1, 10000) n`,
      [bob.deviceId, `bob${count}`],
    )
    await send({ [bob.userId]: { '*': { n: 'more' } } })
    expect(numbers(await phone.sync())).toEqual(['more'])
    const first = await bob.sync({ since })
    expect(numbers(first)).toHaveLength(100)
    await bob.sync({ since: first.next_batch })
    await send(toDevice(bob, 'again'))
    const kept = await server.store.database.query<{ content: string }>(
      null,
      `select content from to_device t join devices d on d.nid = t.device_nid where d.device_id = $1
        order by pos desc limit 2`,
      [bob.deviceId],
    )
    expect(kept.map(({ content }) => content)).toEqual(['{"n":"again"}', '{}'])
  })
})
