import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { SystemClock } from '@hearth/runtime'
import { FakeNetwork, FakePeer, FakeWebServer, TestCa } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isInOwnNetwork } from '../src/network/own-network.ts'
import { AddressRefused, InvalidAnswer, WebClient, type WebRequest } from '../src/index.ts'

const limits = { connectMs: 10_000, firstByteMs: 20_000, idleMs: 20_000, totalMs: 30_000 }

let network: FakeNetwork
let web: FakeWebServer
let client: WebClient

beforeAll(async () => {
  network = new FakeNetwork()
  web = await FakeWebServer.start(network)
  client = new WebClient({ network, allowPrivateAddresses: false, clock: new SystemClock() })
  web.addHost('page.test')
  web.put('/', { type: 'text/html', body: '<title>Hello</title>' })
})
afterAll(() => web[Symbol.asyncDispose]())
beforeEach(() => {
  network.attempts.length = 0
  web.requests.length = 0
})

async function fetched(url: string, options: Partial<WebRequest> = {}) {
  const request = { accept: '*/*', limits, maxBytes: 10_000, maxRedirects: 3, ...options }
  using answer = await client.get(new URL(url), request)
  const parts: Buffer[] = []
  for await (const part of answer.body()) parts.push(part)
  return { url: answer.url.href, status: answer.status, text: Buffer.concat(parts).toString() }
}

const redirectTo = (location: string) => (_: unknown, response: ServerResponse) => {
  response.writeHead(302, { location }).end()
  return undefined
}

describe('a page', () => {
  it('[SEC-212] is asked for without cookies, credentials, a referrer or a version', async () => {
    expect(await fetched('http://page.test/#part')).toEqual({
      url: 'http://page.test/#part',
      status: 200,
      text: '<title>Hello</title>',
    })
    const [request] = web.requests
    const names = request!.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
    expect(names.toSorted()).toEqual([
      'accept',
      'accept-encoding',
      'accept-language',
      'connection',
      'host',
      'user-agent',
    ])
    expect(request!.rawHeaders[names.indexOf('user-agent') * 2 + 1]).toBe('Mozilla/5.0 (compatible; Hearth)')
  })

  it('is fetched over TLS, with a certificate that is checked', async () => {
    const ca = await TestCa.create()
    const peer = await FakePeer.start({ ca, network, name: 'secure.test', port: 443 })
    peer.on('GET', '/page', () => ({ hello: 'world' }))
    const trusting = new WebClient({
      network,
      trustedAuthorities: [ca.certificate],
      allowPrivateAddresses: false,
      clock: new SystemClock(),
    })
    const url = new URL('https://secure.test/page')
    const request = { accept: '*/*', limits, maxBytes: 1000, maxRedirects: 0 }
    using answer = await trusting.get(url, request)
    expect(answer.status).toBe(200)
    await expect(client.get(url, request)).rejects.toThrow('certificate')
    await peer[Symbol.asyncDispose]()
    await ca[Symbol.asyncDispose]()
  })

  it.each([
    ['gzip', gzipSync('text')],
    ['deflate', deflateSync('text')],
    ['identity', Buffer.from('text')],
  ])('may be compressed with %s', async (encoding, body) => {
    web.put('/compressed', (_, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(body)
      return undefined
    })
    expect(await fetched('http://page.test/compressed')).toMatchObject({ text: 'text' })
  })

  it.each([
    ['[SEC-206] whose compressed bytes become too many', 'gzip', gzipSync(Buffer.alloc(50_000_000))],
    ['[SEC-206] compressed in a way that was not asked for', 'br', brotliCompressSync('text')],
    ['that only says that it is compressed', 'gzip', Buffer.from('text')],
    ['whose compressed bytes break off', 'gzip', gzipSync('text').subarray(0, 12)],
  ])('%s is refused while it is read', async (_, encoding, body) => {
    web.put('/bomb', (_, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(body)
      return undefined
    })
    await expect(fetched('http://page.test/bomb')).rejects.toThrow(InvalidAnswer)
  })

  it('[SEC-206] is cut when it is too long, or has too many headers', async () => {
    web.put('/long', { type: 'text/html', body: 'x'.repeat(20_000) })
    await expect(fetched('http://page.test/long')).rejects.toThrow(InvalidAnswer)
    web.put('/headers', (_, response) => {
      response.writeHead(200, { 'x-long': 'x'.repeat(1_000_000) }).end()
      return undefined
    })
    await expect(fetched('http://page.test/headers')).rejects.toThrow('Header overflow')
  })

  it('[SEC-205] that never ends, or comes by drops, ends with the deadline', async () => {
    web.put('/endless', async (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' })
      while (!response.destroyed) {
        response.write('x')
        await sleep(10)
      }
      return undefined
    })
    const slow = { limits: { ...limits, totalMs: 300 } }
    await expect(fetched('http://page.test/endless', slow)).rejects.toThrow('the request took more than 300 ms')
    web.put('/silent', () => new Promise(() => undefined))
    await expect(fetched('http://page.test/silent', slow)).rejects.toThrow('the request took more than 300 ms')
    await expect(fetched('http://page.test/silent', { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow(
      'gone',
    )
  })
})

describe('a redirect', () => {
  it('is followed, also to another host, up to a number of times', async () => {
    web.addHost('other.test')
    web.put('/moved', redirectTo('//other.test/'))
    expect(await fetched('http://page.test/moved')).toMatchObject({ url: 'http://other.test/', status: 200 })
    web.put('/circle', redirectTo('circle'))
    await expect(fetched('http://page.test/circle')).rejects.toThrow('redirected too often')
    expect(web.requestsTo('/circle')).toHaveLength(4)
  })

  it.each([
    ['[SEC-202] a private address', 'http://10.0.0.1/'],
    ['[SEC-202] a host with a private address', 'http://inside.test/'],
    ['another scheme', 'file:///etc/passwd'],
    ['another scheme in full', 'gopher://page.test/'],
    ['an address with a password', 'http://a:b@page.test/'],
    ['what its caller does not allow', 'http://page.test/secret'],
  ])('to %s is not followed', async (_, location) => {
    network.addHost('inside.test', ['192.168.1.1'])
    web.put('/leads-inside', redirectTo(location))
    const mayFetch = (url: URL): boolean => url.pathname !== '/secret'
    await expect(fetched('http://page.test/leads-inside', { mayFetch })).rejects.toThrow(AddressRefused)
    expect(network.attempts).toHaveLength(1)
  })

  it.each([undefined, 'http://', 'http://['])('to no URL (%s) is an invalid answer', async (location) => {
    web.put('/lost', (_, response) => {
      response.writeHead(302, location === undefined ? {} : { location }).end()
      return undefined
    })
    await expect(fetched('http://page.test/lost')).rejects.toThrow(InvalidAnswer)
  })
})

describe('nothing is connected to for', () => {
  it.each([
    ['[SEC-201] loopback', 'http://127.0.0.1/'],
    ['[SEC-201] loopback in hexadecimal', 'http://0x7f.1/'],
    ['[SEC-201] loopback as one number', 'http://2130706433/'],
    ['[SEC-201] loopback in octal', 'http://0177.0.0.1/'],
    ['[SEC-201] loopback in circled digits', 'http://①②⑦.0.0.1/'],
    ['[SEC-201] loopback in IPv6', 'http://[::1]/'],
    ['[SEC-201] IPv4 mapped into IPv6', 'http://[::ffff:127.0.0.1]/'],
    ['[SEC-201] IPv4 at the end of IPv6', 'http://[::10.0.0.1]/'],
    ['[SEC-201] IPv4 through a translator', 'http://[64:ff9b::a00:1]/'],
    ['[SEC-201] IPv4 through 6to4', 'http://[2002:a00:1::]/'],
    ['[SEC-201] the metadata of a cloud', 'http://169.254.169.254/latest/meta-data/'],
    ['[SEC-201] no address', 'http://0.0.0.0/'],
    ['[SEC-201] no address in one digit', 'http://0/'],
    ['[SEC-201] no address in IPv6', 'http://[::]/'],
    ['[SEC-201] a private address', 'https://192.168.0.1/'],
    ['[SEC-202] a host with a private address', 'http://private.test/'],
    ['[SEC-204] a file', 'file:///etc/passwd'],
    ['[SEC-204] FTP', 'ftp://page.test/'],
    ['[SEC-204] Gopher', 'gopher://page.test/'],
    ['[SEC-204] data', 'data:text/html,<title>x</title>'],
    ['[SEC-204] a script', 'javascript:alert(1)'],
    ['[SEC-204] an address with a user name', 'http://u@page.test/'],
    ['[SEC-204] an address with a password', 'http://u:p@page.test/'],
    ['[SEC-204] SSH', 'http://page.test:22/'],
    ['[SEC-204] mail', 'http://page.test:25/'],
    ['[SEC-204] Redis', 'http://page.test:6379/'],
    ['[SEC-204] PostgreSQL', 'https://page.test:5432/'],
    ['port 0', 'http://page.test:0/'],
  ])('%s', async (_, url) => {
    network.addHost('private.test', ['10.1.2.3', 'fd00::1'])
    await expect(fetched(url)).rejects.toThrow(AddressRefused)
    expect(network.attempts).toEqual([])
  })

  it('[SEC-202] a host that answers with a private address the second time', async () => {
    const answers = [['9.9.9.9'], ['127.0.0.1']]
    network.addHost('rebinding.test', () => answers.shift()!)
    network.listen('9.9.9.9', 80, web.localPort)
    web.put('/again', redirectTo('http://rebinding.test/'))
    await expect(fetched('http://rebinding.test/again')).rejects.toThrow(AddressRefused)
    expect(network.attempts).toEqual([{ address: '9.9.9.9', port: 80 }])
  })

  it('[SEC-202] a host that cannot be found', async () => {
    await expect(fetched('http://nowhere.test/')).rejects.toThrow('no such host')
    expect(network.attempts).toEqual([])
  })

  it('http where only https will do', async () => {
    await expect(fetched('http://page.test/', { httpsOnly: true })).rejects.toThrow('only https')
    expect(network.attempts).toEqual([])
  })
})

it('only public addresses of a host are used', async () => {
  network.addHost('both.test', ['127.0.0.1', '9.8.7.6'])
  network.listen('9.8.7.6', 8080, web.localPort)
  expect(await fetched('http://both.test:8080/')).toMatchObject({ status: 200 })
  expect(network.attempts).toEqual([{ address: '9.8.7.6', port: 8080 }])
})

it('a machine of this one’s own network is no part of the web, whatever its address', () => {
  const own = ['127.0.0.1', '198.51.100.7', '2600:1234:5678:9abc::1', 'fe80::1']
  expect(isInOwnNetwork('2600:1234:5678:9abc:aaaa::2', own)).toBe(true)
  expect(isInOwnNetwork('2600:1234:5678:9abd::2', own)).toBe(false)
  expect(isInOwnNetwork('198.51.100.8', own)).toBe(false)
  expect(isInOwnNetwork('2600::1')).toBe(false)
})
