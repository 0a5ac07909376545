import type { JsonObject } from '@hearth/protocol'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

interface Rule extends JsonObject {
  rule_id: string
}

type Rules = Record<'override' | 'content' | 'room' | 'sender' | 'underride', Rule[]>

const defaultOverrides = [
  '.m.rule.master',
  '.m.rule.suppress_notices',
  '.m.rule.invite_for_me',
  '.m.rule.member_event',
  '.m.rule.is_user_mention',
  '.m.rule.is_room_mention',
  '.m.rule.tombstone',
  '.m.rule.reaction',
  '.m.rule.room.server_acl',
  '.m.rule.suppress_edits',
]
const defaultUnderrides = [
  '.m.rule.call',
  '.m.rule.encrypted_room_one_to_one',
  '.m.rule.room_one_to_one',
  '.m.rule.message',
  '.m.rule.encrypted',
]

describe('push rules', () => {
  let server: TestServer
  let alice: TestClient
  let count = 0

  beforeAll(async () => {
    server = await TestServer.start()
  })

  beforeEach(async () => {
    alice = await server.register(`alice${++count}`)
  })

  afterAll(() => server.stop())

  const path = (kind: string, id: string, part = ''): string =>
    `pushrules/global/${kind}/${encodeURIComponent(id)}${part && `/${part}`}`

  async function rules(): Promise<Rules> {
    const { global } = (await alice.get('pushrules/')) as unknown as { global: Rules }
    return global
  }

  async function idsOf(kind: keyof Rules): Promise<string[]> {
    return (await rules())[kind].map(({ rule_id: id }) => id)
  }

  async function refusal(method: string, target: string, body?: unknown): Promise<unknown[]> {
    const answer = await alice.request(method, target, { ...(body !== undefined && { body }) })
    return [answer.status, answer.body['errcode']]
  }

  it('are the default rules at first, in their order', async () => {
    const all = await rules()
    expect(all.override.map(({ rule_id: id }) => id)).toEqual(defaultOverrides)
    expect(all.underride.map(({ rule_id: id }) => id)).toEqual(defaultUnderrides)
    expect([all.content, all.room, all.sender]).toEqual([[], [], []])
    for (const rule of [...all.override, ...all.underride]) {
      expect(rule).toMatchObject({ default: true, enabled: rule.rule_id !== '.m.rule.master' })
    }
    expect(await alice.get('pushrules/global/')).toEqual(all)
    const { text } = await alice.request('GET', 'pushrules/global/override/')
    expect(JSON.parse(text)).toEqual(all.override)
    expect(await alice.get(path('override', '.m.rule.invite_for_me'))).toEqual({
      rule_id: '.m.rule.invite_for_me',
      default: true,
      enabled: true,
      conditions: [
        { kind: 'event_match', key: 'type', pattern: 'm.room.member' },
        { kind: 'event_match', key: 'content.membership', pattern: 'invite' },
        { kind: 'event_match', key: 'state_key', pattern: alice.userId },
      ],
      actions: ['notify', { set_tweak: 'sound', value: 'default' }],
    })
    expect(await alice.get(path('override', '.m.rule.is_user_mention'))).toEqual({
      rule_id: '.m.rule.is_user_mention',
      default: true,
      enabled: true,
      conditions: [{ kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', value: alice.userId }],
      actions: ['notify', { set_tweak: 'sound', value: 'default' }, { set_tweak: 'highlight' }],
    })
  })

  it('can be added, of each kind, and outlive a restart', async () => {
    const conditions = [{ kind: 'event_match', key: 'content.msgtype', pattern: 'm.notice' }]
    const bodies: Record<keyof Rules, JsonObject> = {
      override: { actions: ['notify'], conditions },
      content: { actions: ['notify', { set_tweak: 'highlight' }], pattern: 'cake*lie' },
      room: { actions: [] },
      sender: { actions: ['dont_notify'] },
      underride: { actions: ['notify', { set_tweak: 'org.example.flash', value: { color: 'red' } }], conditions },
    }
    for (const [kind, body] of Object.entries(bodies)) {
      const id = kind === 'content' ? 'тест' : `@${kind}:example.org`
      expect(await alice.put(path(kind, id), body)).toEqual({})
      expect(await alice.get(path(kind, id))).toEqual({ rule_id: id, default: false, enabled: true, ...body })
      expect(await alice.get(path(kind, id, 'enabled'))).toEqual({ enabled: true })
      expect(await alice.get(path(kind, id, 'actions'))).toEqual({ actions: body['actions'] })
    }
    const before = await rules()
    expect(before.override.map(({ rule_id: id }) => id)).toEqual([
      '.m.rule.master',
      '@override:example.org',
      ...defaultOverrides.slice(1),
    ])
    expect(before.underride.map(({ rule_id: id }) => id)).toEqual(['@underride:example.org', ...defaultUnderrides])
    await server.restart()
    expect(await rules()).toEqual(before)
  })

  it('take what belongs to their kind, and nothing else', async () => {
    const body = { actions: [], pattern: 'x', conditions: [], extra: 1 }
    await alice.put(path('content', 'a'), body)
    await alice.put(path('override', 'a'), body)
    await alice.put(path('room', 'a'), body)
    const common = { rule_id: 'a', default: false, enabled: true, actions: [] }
    expect(await alice.get(path('content', 'a'))).toEqual({ ...common, pattern: 'x' })
    expect(await alice.get(path('override', 'a'))).toEqual({ ...common, conditions: [] })
    expect(await alice.get(path('room', 'a'))).toEqual(common)
  })

  it('stand before older ones, or where before and after say', async () => {
    const body = { actions: [], pattern: 'x' }
    for (const id of ['one', 'two', 'three']) await alice.put(path('content', id), body)
    expect(await idsOf('content')).toEqual(['three', 'two', 'one'])
    await alice.put(`${path('content', 'four')}?before=two`, body)
    expect(await idsOf('content')).toEqual(['three', 'four', 'two', 'one'])
    await alice.put(`${path('content', 'five')}?after=two`, body)
    expect(await idsOf('content')).toEqual(['three', 'four', 'two', 'five', 'one'])
    await alice.put(`${path('content', 'one')}?before=three&after=two`, body)
    expect(await idsOf('content')).toEqual(['one', 'three', 'four', 'two', 'five'])
    await alice.put(path('content', 'two'), { actions: ['notify'], pattern: 'y' })
    expect(await idsOf('content')).toEqual(['one', 'three', 'four', 'two', 'five'])
    expect(await alice.get(path('content', 'two'))).toMatchObject({ pattern: 'y', actions: ['notify'] })

    expect(await refusal('PUT', `${path('content', 'six')}?before=nothing`, body)).toEqual([400, 'M_UNKNOWN'])
    expect(await refusal('PUT', `${path('content', 'six')}?after=six`, body)).toEqual([400, 'M_UNKNOWN'])
    const override = { actions: [], conditions: [] }
    for (const place of ['before=.m.rule.master', 'after=.m.rule.reaction']) {
      expect(await refusal('PUT', `${path('override', 'x')}?${place}`, override)).toEqual([400, 'M_INVALID_PARAM'])
    }
    expect(await idsOf('content')).toHaveLength(5)
  })

  it('stay disabled when they are changed, until they are enabled', async () => {
    await alice.put(path('sender', '@bob:example.org'), { actions: [] })
    await alice.put(path('sender', '@bob:example.org', 'enabled'), { enabled: false })
    await alice.put(path('sender', '@bob:example.org'), { actions: ['notify'] })
    expect(await alice.get(path('sender', '@bob:example.org'))).toMatchObject({ enabled: false, actions: ['notify'] })
    await alice.put(path('sender', '@bob:example.org', 'enabled'), { enabled: true })
    expect(await alice.get(path('sender', '@bob:example.org', 'enabled'))).toEqual({ enabled: true })
  })

  it('of the server can be disabled and given other actions, not changed or removed', async () => {
    await alice.put(path('override', '.m.rule.master', 'enabled'), { enabled: true })
    await alice.put(path('underride', '.m.rule.message', 'actions'), { actions: ['dont_notify'] })
    const all = await rules()
    expect(all.override[0]).toMatchObject({ rule_id: '.m.rule.master', enabled: true, default: true })
    expect(all.underride[3]).toMatchObject({ rule_id: '.m.rule.message', enabled: true, actions: ['dont_notify'] })
    expect(await refusal('PUT', path('override', '.m.rule.master'), { actions: [], conditions: [] })).toEqual([
      400,
      'M_INVALID_PARAM',
    ])
    expect(await refusal('DELETE', path('override', '.m.rule.master'))).toEqual([404, 'M_NOT_FOUND'])
  })

  it('that do not exist are M_NOT_FOUND', async () => {
    for (const id of ['nothing', '.m.rule.nothing', '__proto__', 'constructor']) {
      for (const kind of ['override', 'content', 'room', 'sender', 'underride']) {
        expect(await refusal('GET', path(kind, id))).toEqual([404, 'M_NOT_FOUND'])
        expect(await refusal('DELETE', path(kind, id))).toEqual([404, 'M_NOT_FOUND'])
        for (const [part, body] of [['enabled', { enabled: true }] as const, ['actions', { actions: [] }] as const]) {
          expect(await refusal('GET', path(kind, id, part))).toEqual([404, 'M_NOT_FOUND'])
          expect(await refusal('PUT', path(kind, id, part), body)).toEqual([404, 'M_NOT_FOUND'])
        }
      }
    }
    // A rule of another kind is another rule.
    expect(await refusal('GET', path('underride', '.m.rule.master'))).toEqual([404, 'M_NOT_FOUND'])
  })

  it.each([
    ['an id with a slash', path('room', 'a/b'), { actions: [] }, 'M_INVALID_PARAM'],
    ['an id with a backslash', path('room', 'a\\b'), { actions: [] }, 'M_INVALID_PARAM'],
    ['an id with a leading dot', path('room', '.a'), { actions: [] }, 'M_INVALID_PARAM'],
    ['a long id', path('room', 'a'.repeat(256)), { actions: [] }, 'M_INVALID_PARAM'],
    ['an id with a NUL', path('room', 'a\0'), { actions: [] }, 'M_INVALID_PARAM'],
    ['an unknown kind', path('nothing', 'a'), { actions: [] }, 'M_INVALID_PARAM'],
    ['no actions', path('room', 'a'), {}, 'M_MISSING_PARAM'],
    ['actions that are no list', path('room', 'a'), { actions: 'notify' }, 'M_BAD_JSON'],
    ['an unknown action', path('room', 'a'), { actions: ['sing'] }, 'M_INVALID_PARAM'],
    ['an action that is no tweak', path('room', 'a'), { actions: [{ tweak: 'sound' }] }, 'M_INVALID_PARAM'],
    ['an action that is a number', path('room', 'a'), { actions: [1] }, 'M_INVALID_PARAM'],
    ['too many actions', path('room', 'a'), { actions: Array(33).fill('notify') }, 'M_INVALID_PARAM'],
    ['no pattern', path('content', 'a'), { actions: [] }, 'M_MISSING_PARAM'],
    ['a pattern that is no string', path('content', 'a'), { actions: [], pattern: 1 }, 'M_BAD_JSON'],
    ['a long pattern', path('content', 'a'), { actions: [], pattern: 'a'.repeat(1_025) }, 'M_INVALID_PARAM'],
    ['a condition without a kind', path('override', 'a'), { actions: [], conditions: [{}] }, 'M_BAD_JSON'],
    ['a condition that is null', path('override', 'a'), { actions: [], conditions: [null] }, 'M_BAD_JSON'],
    ['conditions that are no list', path('override', 'a'), { actions: [], conditions: {} }, 'M_BAD_JSON'],
    [
      'a match without a pattern',
      path('override', 'a'),
      { actions: [], conditions: [{ kind: 'event_match', key: 'type' }] },
      'M_BAD_JSON',
    ],
    [
      'a property with a compound value',
      path('override', 'a'),
      { actions: [], conditions: [{ kind: 'event_property_is', key: 'type', value: [] }] },
      'M_BAD_JSON',
    ],
    [
      'a number of members that is none',
      path('override', 'a'),
      { actions: [], conditions: [{ kind: 'room_member_count', is: '~2' }] },
      'M_BAD_JSON',
    ],
    [
      'a large rule',
      path('override', 'a'),
      { actions: [], conditions: [{ kind: 'org.example', x: 'x'.repeat(33_000) }] },
      'M_TOO_LARGE',
    ],
  ])('with %s are refused, and nothing is kept', async (_, target, body, errcode) => {
    const before = await rules()
    const [status, code] = await refusal('PUT', target, body)
    expect([status, code]).toEqual([errcode === 'M_TOO_LARGE' ? 413 : 400, errcode])
    expect(await rules()).toEqual(before)
  })

  it.each([{ enabled: 'yes' }, {}, { enabled: null }])('are not enabled by %j', async (body) => {
    const [status] = await refusal('PUT', path('override', '.m.rule.master', 'enabled'), body)
    expect(status).toBe(400)
  })

  it.each([
    ['GET', 'global'],
    ['GET', 'global/room'],
    ['GET', 'not_a_scope/'],
    ['GET', 'global/not_a_kind/'],
    ['GET', 'global/override/.m.rule.master/not_an_attribute'],
    ['PUT', ''],
    ['PUT', 'not_a_scope/room/x'],
    ['PUT', 'global'],
    ['PUT', 'global/room'],
    ['PUT', 'global/room/'],
    ['PUT', 'global/not_a_kind/x'],
    ['PUT', 'global/override/.m.rule.master/not_an_attribute'],
  ])('%s of %j is refused as a wrong parameter, as Synapse does', async (method, rest) => {
    const body = method === 'PUT' ? { actions: [] } : undefined
    expect(await refusal(method, `pushrules/${rest}`, body)).toEqual([400, 'M_INVALID_PARAM'])
    expect((await alice.request('GET', 'pushrules')).status).toBe(404)
  })

  it('may have conditions that the server does not know', async () => {
    const conditions = [{ kind: 'org.example.moon', phase: 'full' }]
    await alice.put(path('override', 'moon'), { actions: ['notify'], conditions })
    expect(await alice.get(path('override', 'moon'))).toMatchObject({ conditions })
  })

  it('[SEC-34] have bounds: how many, how large, and how much they look for', async () => {
    let refused: unknown[] = []
    for (let i = 0; i < 10; i++) {
      const answer = await refusal('PUT', path('content', `r${i}`), { actions: [], pattern: 'a'.repeat(1_000) })
      if (answer[0] !== 200) refused = answer
    }
    expect(refused).toEqual([403, 'M_USER_LIMIT_EXCEEDED'])
    expect(await idsOf('content')).toHaveLength(4)
    const conditions = [{ kind: 'org.example', x: 'x'.repeat(30_000) }]
    for (let i = 0; i < 10; i++) refused = await refusal('PUT', path('override', `r${i}`), { actions: [], conditions })
    expect(refused).toEqual([403, 'M_USER_LIMIT_EXCEEDED'])
    // Whoever has too much may remove some.
    expect(await alice.request('DELETE', path('override', 'r0'))).toMatchObject({ status: 200 })
  })

  it('[SEC-33] are each user’s own', async () => {
    const bob = await server.register(`bob${count}`)
    await alice.put(path('content', 'mine'), { actions: [], pattern: 'x' })
    expect((await bob.request('GET', path('content', 'mine'))).status).toBe(404)
    const anonymous = await server.anonymous.request('GET', 'pushrules/')
    expect([anonymous.status, anonymous.body['errcode']]).toEqual([401, 'M_MISSING_TOKEN'])
  })

  it('changed at the same time are all kept', async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `rule${i}`)
    await Promise.all(ids.map((id) => alice.put(path('content', id), { actions: [], pattern: id })))
    expect((await idsOf('content')).sort()).toEqual(ids.sort())
  })

  describe('in account data', () => {
    const eventsOf = (answer: JsonObject): JsonObject[] =>
      (answer['account_data'] as { events: JsonObject[] } | undefined)?.events ?? []

    it('are there from the beginning, and come down sync whole when they change', async () => {
      const initial = await alice.get('sync')
      expect(eventsOf(initial)).toEqual([{ type: 'm.push_rules', content: { global: await rules() } }])
      expect(await alice.get(`user/${encodeURIComponent(alice.userId)}/account_data/m.push_rules`)).toEqual({
        global: await rules(),
      })

      const since = initial['next_batch'] as string
      const waiting = alice.get('sync', { since, timeout: 10_000 })
      await alice.put(path('content', 'cake'), { actions: ['notify'], pattern: 'cake' })
      const answer = await waiting
      expect(eventsOf(answer)).toEqual([{ type: 'm.push_rules', content: { global: await rules() } }])
      expect((await rules()).content).toHaveLength(1)

      await server.restart()
      expect(eventsOf(await alice.get('sync', { since }))).toEqual(eventsOf(answer))
      expect(eventsOf(await alice.get('sync'))).toEqual(eventsOf(answer))
      expect(eventsOf(await alice.get('sync', { since: answer['next_batch'] as string }))).toEqual([])
    })

    it('do not change when a change changes nothing', async () => {
      await alice.put(path('content', 'cake'), { actions: ['notify'], pattern: 'cake' })
      const { next_batch: since } = await alice.get('sync')
      await alice.put(path('content', 'cake'), { actions: ['notify'], pattern: 'cake' })
      expect(await alice.get('sync', { since: since as string })).toEqual({ next_batch: since })
    })
  })
})
