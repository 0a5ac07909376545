import { canonicalJson, generateSigningKey, signJson, type SigningKey } from '@hearth/crypto'
import type { JsonValue } from '@hearth/protocol'
import { FakeNetwork, FakePeer, TestCa, TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendRequest, type RawAnswer } from './raw-request.ts'

const profile = '/_matrix/federation/v1/query/profile?user_id=%40alice%3Ahearth.test&field=displayname'
const rooms = '/_matrix/federation/v1/publicRooms'
const here = 'hearth.test'

const network = new FakeNetwork()
let ca: TestCa
let server: TestServer
let peer: FakePeer

beforeAll(async () => {
  ca = await TestCa.create()
  server = await TestServer.start({ network, settings: { HEARTH_NETWORK_CA_FILE: ca.caFile } })
  await server.register('alice')
  peer = await FakePeer.start({ ca, network, name: 'peer.test' })
})

afterAll(async () => {
  await server.stop()
  await peer[Symbol.asyncDispose]()
  await ca[Symbol.asyncDispose]()
})

interface Signed {
  readonly method?: string
  readonly target?: string
  readonly origin?: string
  readonly destination?: string
  readonly content?: JsonValue
  readonly key?: SigningKey
}

/** The signature of a request, which is right unless a test says otherwise. */
function signatureOf(signed: Signed = {}): string {
  const {
    method = 'GET',
    target = profile,
    origin = peer.name,
    destination = here,
    content,
    key = peer.signingKey,
  } = signed
  const object = { method, uri: target, origin, destination, ...(content !== undefined && { content }) }
  return key.sign(canonicalJson(object))
}

function header(parameters: Record<string, string> = {}, sig = signatureOf()): string {
  const all = { origin: peer.name, destination: here, key: peer.signingKey.keyId, sig, ...parameters }
  return `X-Matrix ${Object.entries(all)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',')}`
}

function get(...authorization: readonly string[]): Promise<RawAnswer> {
  const headers = authorization.flatMap((value) => ['Authorization', value])
  return sendRequest(server.url, { method: 'GET', target: profile, headers })
}

const refused = { status: 401, body: { errcode: 'M_UNAUTHORIZED' } }
const taken = { status: 200 }

describe('the signature of a request', () => {
  it('[H-33] is asked for', async () => {
    expect(await get()).toMatchObject(refused)
    expect(await get('Bearer x')).toMatchObject(refused)
    expect(await get('X-Matrix')).toMatchObject(refused)
  })

  it('[SEC-92] [SEC-93] is taken by no other scheme than X-Matrix, nor beside one', async () => {
    expect(await get(header())).toMatchObject(taken)
    expect(await get(header(), 'Bearer x')).toMatchObject(refused)
    expect(await get(header().replace(/,sig="[^"]*"/, ''))).toMatchObject(refused)
    expect((await get(header().replaceAll('"', "'"))).status).toBe(400)
  })

  it('[SEC-94] is for this server', async () => {
    const elsewhere = signatureOf({ destination: 'other.test' })
    expect(await get(header({ destination: 'other.test' }, elsewhere))).toMatchObject(refused)
    expect(await get(header({ destination: 'HEARTH.test' }))).toMatchObject(refused)
    // A request to another server does not become one to this one by leaving out for whom it was.
    const old = `X-Matrix origin=${peer.name},key="${peer.signingKey.keyId}",sig=`
    expect(await get(`${old}"${elsewhere}"`)).toMatchObject(refused)
    expect(await get(`${old}"${signatureOf()}"`)).toMatchObject(taken)
  })

  it('is for this method and this target', async () => {
    expect(await get(header({}, signatureOf({ method: 'POST' })))).toMatchObject(refused)
    expect(await get(header({}, signatureOf({ target: `${profile}&x=1` })))).toMatchObject(refused)
    expect(await get(header({}, signatureOf({ content: {} })))).toMatchObject(refused)
  })

  it('[H-33] [SEC-96] may be written in every form of the grammar', async () => {
    const sig = signatureOf()
    const key = peer.signingKey.keyId
    for (const value of [
      `x-matrix ORIGIN=${peer.name},Destination=${here},KEY=${key},Sig=${sig}`,
      `X-Matrix   origin = "${peer.name}" ,\tdestination="${here}", key="${key}",sig="${sig}",extra="a,\\"b"`,
      `X-Matrix origin="p\\eer.test",destination="${here}",key="${key}",sig="${sig}"`,
    ]) {
      expect(await get(value)).toMatchObject(taken)
    }
  })

  it('[SEC-97] is over the target as it was sent', async () => {
    const user = '@alice:hearth.test'
    for (const query of [
      `user_id=${user}&field=displayname`,
      `field=displayname&user_id=%40%61lice%3ahearth.test`,
      `user_id=${user}&x=a%20b+c&y=!%21&z=/../..//&field=displayname`,
    ]) {
      const target = `/_matrix/federation/v1/query/profile?${query}`
      const sent = { method: 'GET', target, headers: ['Authorization', header({}, signatureOf({ target }))] }
      expect(await sendRequest(server.url, sent)).toMatchObject(taken)
      const other = target.replace('displayname', 'avatar_url')
      expect(await sendRequest(server.url, { ...sent, target: other })).toMatchObject(refused)
    }
  })

  it('[SEC-100] is of another server with a name that can be one', async () => {
    const { length } = network.attempts
    for (const origin of [
      here,
      'localhost:22/x',
      'a'.repeat(300),
      'PEER.test',
      'peer.test/',
      'peer.test:99999',
      '',
      'x y',
      '../x',
      '@a:b',
    ]) {
      expect([400, 401]).toContain((await get(header({ origin }, signatureOf({ origin })))).status)
    }
    expect(network.attempts.length).toBe(length)
  })

  it('[SEC-108] is in unpadded base64, or padded', async () => {
    const sig = signatureOf()
    expect(await get(header({}, sig))).toMatchObject(taken)
    expect(await get(header({}, `${sig}==`))).toMatchObject(taken)
    for (const wrong of [
      `${sig}=`,
      `${sig}!`,
      sig.slice(0, -1),
      '',
      `_${sig.slice(1)}`,
      `-${sig.slice(1)}`,
      'A'.repeat(86),
    ]) {
      expect(await get(header({}, wrong))).toMatchObject(refused)
    }
  })

  it('[SEC-106] is none with a key of small order', async () => {
    const weak = await FakePeer.start({ ca, network, name: 'weak.test' })
    const document = {
      server_name: weak.name,
      valid_until_ts: Date.now() + 86_400_000,
      verify_keys: {
        'ed25519:w': { key: `AQ${'A'.repeat(41)}` },
        [weak.signingKey.keyId]: { key: weak.signingKey.publicKey },
      },
      old_verify_keys: {},
    }
    weak.on('GET', '/_matrix/key/v2/server', () => weak.sign(document))
    const sig = `AQ${'A'.repeat(84)}`
    expect(await get(header({ origin: weak.name, key: 'ed25519:w' }, sig))).toMatchObject(refused)
    expect((await weak.ask({ url: server.url, name: here }, 'GET', profile)).status).toBe(200)
    await weak[Symbol.asyncDispose]()
  })

  it('[SEC-102] is by a key that is valid now', async () => {
    const late = await FakePeer.start({ ca, network, name: 'late.test' })
    late.on('GET', '/_matrix/key/v2/server', () => late.keyDocument(Date.now() - 1_000))
    expect((await late.ask({ url: server.url, name: here }, 'GET', profile)).status).toBe(401)
    expect(late.requestsTo(/key/).length).toBe(1)
    await late[Symbol.asyncDispose]()
  })

  it('is not by a key that the server has only used before', async () => {
    const rotated = await FakePeer.start({ ca, network, name: 'rotated.test' })
    const next = generateSigningKey('next')
    const { keyId, publicKey } = rotated.signingKey
    const document = {
      server_name: rotated.name,
      valid_until_ts: Date.now() + 86_400_000,
      verify_keys: { 'ed25519:next': { key: next.publicKey } },
      old_verify_keys: { [keyId]: { key: publicKey, expired_ts: Date.now() + 80_000_000 } },
    }
    rotated.on('GET', '/_matrix/key/v2/server', () => signJson(document, rotated.name, next))
    expect((await rotated.ask({ url: server.url, name: here }, 'GET', profile)).status).toBe(401)
    const sig = signatureOf({ origin: rotated.name, key: next })
    expect(await get(header({ origin: rotated.name, key: 'ed25519:next' }, sig))).toMatchObject(taken)
    await rotated[Symbol.asyncDispose]()
  })

  it('may be there once for each key, of one server', async () => {
    const other = generateSigningKey('other')
    const unknown = header({ key: other.keyId }, signatureOf({ key: other }))
    expect(await get(header(), unknown)).toMatchObject(taken)
    expect(await get(unknown, header())).toMatchObject(taken)
    expect(await get(unknown)).toMatchObject(refused)
    expect(await get(header(), header())).toMatchObject(refused)
    expect(await get(header(), header({ origin: 'third.test', key: 'ed25519:k' }))).toMatchObject(refused)
    expect(await get(header(), header({ key: 'ed25519:k', destination: 'third.test' }))).toMatchObject(refused)
    expect(await get(header({}, signatureOf({ target: '/' })), unknown)).toMatchObject(refused)
    const many = Array.from({ length: 11 }, (_, i) => header({ key: `ed25519:m${i}` }))
    expect(await get(header(), ...many)).toMatchObject(refused)
  })

  it('does not work again at another server, nor in the name of another', async () => {
    const second = await TestServer.start({
      network,
      settings: { HEARTH_NETWORK_CA_FILE: ca.caFile, HEARTH_SERVER_NAME: 'second.test' },
    })
    const sent = { method: 'GET', target: profile, headers: ['Authorization', header()] }
    expect(await sendRequest(second.url, sent)).toMatchObject(refused)
    await second.stop()
    const third = await FakePeer.start({ ca, network, name: 'third.test' })
    expect(await get(header({ origin: 'third.test' }))).toMatchObject(refused)
    await third[Symbol.asyncDispose]()
  })
})

describe('the signature of a request with a body', () => {
  const post = (body: string | Buffer | undefined, content: JsonValue | undefined) => {
    const signed = { method: 'POST', target: rooms, ...(content !== undefined && { content }) }
    const headers = ['Authorization', header({}, signatureOf(signed)), 'Content-Type', 'application/json']
    return sendRequest(server.url, { method: 'POST', target: rooms, headers, ...(body !== undefined && { body }) })
  }

  it('is over the canonical form of what was sent, in whatever form it was', async () => {
    const content = { limit: 1, since: 'ä"\n😀', Ａ: 1, '😀': 2, '10': 1, '9': 2 }
    for (const body of [
      canonicalJson(content),
      JSON.stringify(content, null, 2),
      ` ${JSON.stringify(content).replace('"limit"', '"l\\u0069mit"')}\n`,
    ]) {
      expect((await post(body, content)).status).not.toBe(401)
    }
    expect(await post(canonicalJson({ ...content, limit: 2 }), content)).toMatchObject(refused)
    expect(await post('{}', {})).toMatchObject(taken)
    expect(await post('{}', undefined)).toMatchObject(refused)
  })

  it('[SEC-98] does not cover a body that is no JSON as if there were none', async () => {
    expect(await post('{"limit":', undefined)).toMatchObject({ status: 400, body: { errcode: 'M_NOT_JSON' } })
    expect(await post('x', undefined)).toMatchObject({ status: 400, body: { errcode: 'M_NOT_JSON' } })
  })

  it('is none of a body that has a key twice', async () => {
    for (const body of ['{"limit":1,"limit":2}', '{"limit":2,"limit":1}']) {
      expect([400, 401]).toContain((await post(body, { limit: 1 })).status)
      expect([400, 401]).toContain((await post(body, { limit: 2 })).status)
    }
  })

  it('is of the body and not of what else could be read into it', async () => {
    // The text that is signed has the body in its middle: a body that goes on with the rest of it is another body.
    const sneaky = `{},"destination":"${here}","method":"POST","origin":"${peer.name}","uri":"${rooms}"`
    expect((await post(sneaky, {})).status).toBeGreaterThanOrEqual(400)
  })
})

describe('servers that are not to be talked to', () => {
  it('are refused, and not asked for their keys', async () => {
    const settings = { HEARTH_NETWORK_CA_FILE: ca.caFile, HEARTH_FEDERATION_DENY: 'bad.*,*.worse.test' }
    await using closed = await TestServer.start({ network, settings })
    await closed.register('alice')
    for (const name of ['bad.test', 'very.worse.test']) {
      const bad = await FakePeer.start({ ca, network, name })
      const answer = await bad.ask({ url: closed.url, name: here }, 'GET', profile)
      expect([answer.status, answer.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
      expect(bad.requests).toEqual([])
      await bad[Symbol.asyncDispose]()
    }
    expect((await peer.ask({ url: closed.url, name: here }, 'GET', profile)).status).toBe(200)
  })

  it('are all others than those that are allowed, and all when there is no federation', async () => {
    for (const settings of [{ HEARTH_FEDERATION_ALLOW: '*.friends.test' }, { HEARTH_FEDERATION_ENABLED: 'false' }]) {
      await using closed = await TestServer.start({
        network,
        settings: { HEARTH_NETWORK_CA_FILE: ca.caFile, ...settings },
      })
      expect((await peer.ask({ url: closed.url, name: here }, 'GET', profile)).status).toBe(403)
    }
  })
})

describe('the load that one server makes', () => {
  it('[SEC-112] is bounded, and does not keep others out', async () => {
    const target = { url: server.url, name: here }
    const other = await FakePeer.start({ ca, network, name: 'calm.test' })
    expect((await other.ask(target, 'GET', profile)).status).toBe(200)
    const flood = Array.from({ length: 300 }, () => peer.ask(target, 'GET', profile))
    expect((await other.ask(target, 'GET', profile)).status).toBe(200)
    const statuses = (await Promise.all(flood)).map(({ status }) => status)
    expect(statuses.filter((status) => status !== 200 && status !== 429)).toEqual([])
    expect((await peer.ask(target, 'GET', profile)).status).toBe(200)
    await other[Symbol.asyncDispose]()
  })

  it('does not come from an address that names servers without end', async () => {
    const settings = { HEARTH_NETWORK_CA_FILE: ca.caFile, HEARTH_RATE_LIMITS_ENABLED: 'true' }
    await using limited = await TestServer.start({ network, settings })
    const { length } = network.attempts
    const answers = await Promise.all(
      Array.from({ length: 150 }, (_, i) => {
        const headers = ['Authorization', header({ origin: `nobody${i}.test` })]
        return sendRequest(limited.url, { method: 'GET', target: profile, headers })
      }),
    )
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThan(20)
    expect(network.attempts.length - length).toBeLessThanOrEqual(300)
  })
})
