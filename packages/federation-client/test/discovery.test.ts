import type { ServerName } from '@hearth/protocol'
import { FakeClock } from '@hearth/runtime'
import { FakeNetwork, FakePeer, TestCa, type PeerHandler } from '@hearth/test-kit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SystemNetwork, type FederationClient } from '../src/index.ts'
import { newClient } from './start-client.ts'

const wellKnownPath = '/.well-known/matrix/server'
const minuteMs = 60_000
const hourMs = 60 * minuteMs

let ca: TestCa
let network: FakeNetwork
let clock: FakeClock
let client: FederationClient
const peers: FakePeer[] = []

beforeAll(async () => {
  ca = await TestCa.create()
})
afterAll(() => ca[Symbol.asyncDispose]())
beforeEach(() => {
  network = new FakeNetwork()
  clock = new FakeClock()
  client = newClient(ca, network, { clock })
})
afterEach(async () => {
  client.close()
  for (const peer of peers.splice(0)) await peer[Symbol.asyncDispose]()
})

const serverName = (name: string) => name as ServerName
const versionOf = (name: string) => client.getVersion(serverName(name))

async function startPeer(name: string, port = 8448, certificateFor = name.replace(/:.*/, '')): Promise<FakePeer> {
  const peer = await FakePeer.start({ ca, network, name, port, certificate: await ca.issue(certificateFor) })
  peers.push(peer)
  return peer
}

/** A web server whose well-known file is what `handler` answers. */
async function startWebServer(name: string, handler: PeerHandler): Promise<FakePeer> {
  const peer = await startPeer(name, 443)
  peer.on('GET', wellKnownPath, handler)
  return peer
}

const delegation = (to: unknown): PeerHandler => {
  return () => ({ 'm.server': to as string })
}

/** What a peer saw of the last request: the Host header and SNI. */
function identityAskedOf(peer: FakePeer) {
  const { headers, sni } = peer.requestsTo(/version$/).at(-1)!
  return { host: headers.host, sni }
}

describe('a server whose name', () => {
  it('is an IPv4 address is there, at port 8448, with a certificate for the address and without SNI', async () => {
    const peer = await startPeer('4.4.4.4', 8448, '4.4.4.4')
    network.listen('4.4.4.4', 8448, peer.localPort)
    await versionOf('4.4.4.4')
    expect(identityAskedOf(peer)).toEqual({ host: '4.4.4.4', sni: undefined })
    expect(network.lookups).toEqual([])
  })

  it('is an address with a port is there, and the Host header has the port', async () => {
    const peer = await startPeer('ipv6', 1234, '2600::1')
    network.listen('2600::1', 1234, peer.localPort)
    await versionOf('[2600::1]:1234')
    expect(identityAskedOf(peer)).toEqual({ host: '[2600::1]:1234', sni: undefined })
  })

  it('has a port is there, without asking for a well-known file or an SRV record', async () => {
    const peer = await startPeer('peer.test:8450', 8450)
    network.addSrv('_matrix-fed._tcp.peer.test', [{ name: 'wrong.test', port: 1, priority: 0, weight: 0 }])
    await versionOf('peer.test:8450')
    expect(identityAskedOf(peer)).toEqual({ host: 'peer.test:8450', sni: 'peer.test' })
    expect(network.attempts.map(({ port }) => port)).toEqual([8450])
    expect(network.lookups).toEqual(['peer.test'])
  })

  it('has neither a well-known file nor an SRV record is at port 8448', async () => {
    const peer = await startPeer('peer.test')
    await versionOf('peer.test')
    expect(identityAskedOf(peer)).toEqual({ host: 'peer.test', sni: 'peer.test' })
    expect(network.attempts.map(({ port }) => port)).toEqual([443, 8448])
    expect(network.lookups.filter((name) => name.startsWith('_'))).toEqual([
      '_matrix-fed._tcp.peer.test',
      '_matrix._tcp.peer.test',
    ])
  })

  it.each(['_matrix-fed._tcp', '_matrix._tcp'])(
    'has an SRV record of %s is where that says, under its own name',
    async (service) => {
      const peer = await startPeer('target.test', 1234, 'peer.test')
      network.addHost('peer.test')
      network.addSrv(`${service}.peer.test`, [{ name: 'target.test', port: 1234, priority: 1, weight: 1 }])
      await versionOf('peer.test')
      expect(identityAskedOf(peer)).toEqual({ host: 'peer.test', sni: 'peer.test' })
    },
  )

  it('has several SRV records is tried at each, by priority', async () => {
    const peer = await startPeer('second.test', 2, 'peer.test')
    network.addHost('peer.test')
    network.addHost('first.test')
    network.addSrv('_matrix-fed._tcp.peer.test', [
      { name: 'second.test', port: 2, priority: 20, weight: 0 },
      { name: 'first.test', port: 1, priority: 10, weight: 0 },
    ])
    await versionOf('peer.test')
    expect(network.attempts.map(({ port }) => port)).toEqual([443, 1, 2])
    expect(peer.requests).toHaveLength(1)
  })

  it('has an SRV record that says so is nowhere', async () => {
    await startPeer('peer.test')
    network.addSrv('_matrix-fed._tcp.peer.test', [{ name: '.', port: 0, priority: 0, weight: 0 }])
    await expect(versionOf('peer.test')).rejects.toThrow('there is no server')
  })

  it('cannot be asked for SRV records is taken to have none', async () => {
    await startPeer('peer.test')
    network.addSrv('_matrix-fed._tcp.peer.test', new Error('SERVFAIL'))
    network.addSrv('_matrix._tcp.peer.test', new Error('SERVFAIL'))
    await versionOf('peer.test')
  })
})

describe('a well-known file that names', () => {
  it('an address is followed there', async () => {
    await startWebServer('peer.test', delegation('5.5.5.5'))
    const peer = await startPeer('elsewhere', 8448, '5.5.5.5')
    network.listen('5.5.5.5', 8448, peer.localPort)
    await versionOf('peer.test')
    expect(identityAskedOf(peer)).toEqual({ host: '5.5.5.5', sni: undefined })
  })

  it('a host and a port is followed there, without asking for SRV records', async () => {
    await startWebServer('peer.test', delegation('matrix.test:9000'))
    const peer = await startPeer('matrix.test:9000', 9000)
    await versionOf('peer.test')
    expect(identityAskedOf(peer)).toEqual({ host: 'matrix.test:9000', sni: 'matrix.test' })
    expect(network.lookups.filter((name) => name.startsWith('_'))).toEqual([])
  })

  it('a host is followed to its SRV record, under the name of the host', async () => {
    await startWebServer('peer.test', delegation('matrix.test'))
    const peer = await startPeer('target.test', 1234, 'matrix.test')
    network.addSrv('_matrix-fed._tcp.matrix.test', [{ name: 'target.test', port: 1234, priority: 1, weight: 1 }])
    await versionOf('peer.test')
    expect(identityAskedOf(peer)).toEqual({ host: 'matrix.test', sni: 'matrix.test' })
  })

  it('a host without SRV record is followed to port 8448, and no further well-known file is asked for', async () => {
    await startWebServer('peer.test', delegation('matrix.test'))
    const other = await startWebServer('matrix.test', delegation('third.test:1'))
    const peer = await startPeer('matrix.test')
    await versionOf('peer.test')
    expect(identityAskedOf(peer)).toEqual({ host: 'matrix.test', sni: 'matrix.test' })
    expect(other.requests).toEqual([])
  })

  it.each(['', 'h@x', 'h#x', 'a b', 'peer.test:99999', 'peer.test:0', '/x', 'x'.repeat(300), 5, null, {}])(
    'no server (%j) is as good as none',
    async (named) => {
      await startWebServer('peer.test', delegation(named))
      await startPeer('peer.test')
      await versionOf('peer.test')
    },
  )

  it('a server is JSON whatever its type says', async () => {
    await startWebServer('peer.test', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('{"m.server":"matrix.test:9000"}')
      return undefined
    })
    const peer = await startPeer('matrix.test:9000', 9000)
    await versionOf('peer.test')
    expect(peer.requests).toHaveLength(1)
  })
})

describe('a well-known file that', () => {
  it('is redirected is followed, up to five times', async () => {
    const web = await startWebServer('peer.test', (_request, response) => {
      response.writeHead(302, { location: '/1' }).end()
      return undefined
    })
    web.on('GET', /^\/\d$/, ({ path }, response) => {
      const step = Number(path.slice(1))
      if (step === 5) return { 'm.server': 'matrix.test:9000' }
      response.writeHead(307, { location: `https://peer.test/${step + 1}` }).end()
      return undefined
    })
    const peer = await startPeer('matrix.test:9000', 9000)
    await versionOf('peer.test')
    expect(peer.requests).toHaveLength(1)
    expect(web.requests).toHaveLength(6)
  })

  it('[SEC-168] is redirected a sixth time, or in a circle, is given up', async () => {
    const web = await startWebServer('peer.test', (_request, response) => {
      response.writeHead(302, { location: wellKnownPath }).end()
      return undefined
    })
    await startPeer('peer.test')
    await versionOf('peer.test')
    expect(web.requestsTo(/well-known/)).toHaveLength(6)
  })

  it.each(['http://peer.test/x', 'http://169.254.169.254/', 'ftp://peer.test/', 'https://user:word@peer.test/', '//'])(
    '[SEC-168] is redirected to %s is given up',
    async (location) => {
      await startWebServer('peer.test', (_request, response) => {
        response.writeHead(302, { location }).end()
        return undefined
      })
      await startPeer('peer.test')
      await versionOf('peer.test')
      expect(network.attempts.map(({ port }) => port)).toEqual([443, 8448])
    },
  )

  it.each([
    'https://127.0.0.1:6379/',
    'https://[::1]/',
    'https://169.254.169.254/latest',
    'https://2130706433/',
    'https://inner.test/',
  ])('[SEC-168, S-32] is redirected to %s makes no connection there', async (location) => {
    network.addHost('inner.test', ['10.0.0.1'])
    await startWebServer('peer.test', (_request, response) => {
      response.writeHead(302, { location }).end()
      return undefined
    })
    await startPeer('peer.test')
    await versionOf('peer.test')
    expect(network.attempts.map(({ port }) => port)).toEqual([443, 8448])
  })

  it('[SEC-168, S-33] does not end is cut off', async () => {
    let written = 0
    await startWebServer('peer.test', (_request, response) => {
      const part = Buffer.alloc(16 * 1024, ' ')
      const write = (): void => {
        while (!response.destroyed && written < 64 * 1024 * 1024) {
          written += part.length
          if (!response.write(part)) return void response.once('drain', write)
        }
      }
      response.writeHead(200, { 'content-type': 'application/json' })
      write()
      return undefined
    })
    await startPeer('peer.test')
    await versionOf('peer.test')
    // What the two ends of the connection hold in their buffers comes on top of the limit.
    expect(written).toBeLessThan(16 * 1024 * 1024)
  })

  it('[SEC-168] comes byte by byte is given up after 10 s', async () => {
    await startWebServer('peer.test', (_request, response) => {
      response.writeHead(200).write('{')
      return undefined
    })
    await startPeer('peer.test')
    const asked = versionOf('peer.test')
    const web = peers[0]!
    await web.nextRequestTo(/well-known/)
    const ticking = setInterval(() => void clock.advance(1_000), 20)
    await asked.finally(() => clearInterval(ticking))
  })

  it('[SEC-168] is compressed is not unpacked', async () => {
    await startWebServer('peer.test', (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'br' }).end(Buffer.from('irrelevant'))
      return undefined
    })
    await startPeer('peer.test')
    await versionOf('peer.test')
  })

  it('[SEC-165, D-03] names a private server makes no connection there', async () => {
    network.addHost('inner.test', ['192.168.1.1'])
    for (const [index, target] of ['127.0.0.1:6379', '[::1]:1', 'inner.test:80', 'inner.test'].entries()) {
      await startWebServer(`peer${index}.test`, delegation(target))
      const before = network.attempts.length
      await expect(versionOf(`peer${index}.test`)).rejects.toThrow('no public address')
      expect(network.attempts.slice(before).map(({ port }) => port)).toEqual([443])
    }
  })
})

describe('what a well-known file says is remembered', () => {
  let web: FakePeer
  let headers: Record<string, string>
  let status = 200

  beforeEach(async () => {
    headers = {}
    status = 200
    web = await startWebServer('peer.test', (_request, response) => {
      response.writeHead(status, headers).end('{"m.server":"matrix.test:9000"}')
      return undefined
    })
    await startPeer('matrix.test:9000', 9000)
  })
  const askedAfter = async (ms: number): Promise<number> => {
    await clock.advance(ms)
    await versionOf('peer.test').catch(() => undefined)
    return web.requestsTo(/well-known/).length
  }

  it('for a day when it says nothing else', async () => {
    expect(await askedAfter(0)).toBe(1)
    expect(await askedAfter(24 * hourMs - 1)).toBe(1)
    expect(await askedAfter(1)).toBe(2)
  })

  it.each([
    ['cache-control', 'public, max-age=3600', hourMs],
    ['cache-control', 'max-age=3', 5 * minuteMs],
    ['cache-control', 'no-store', 5 * minuteMs],
    ['cache-control', 'no-cache', 5 * minuteMs],
    ['cache-control', 'max-age=99999999999', 48 * hourMs],
    ['cache-control', 'max-age=-1', 24 * hourMs],
    ['expires', '0', 5 * minuteMs],
    ['expires', new Date(Date.UTC(2026, 0, 1, 2)).toUTCString(), 2 * hourMs],
  ])('with %s: %s', async (name, value, lifetimeMs) => {
    headers = { [name]: value, date: new Date(clock.now()).toUTCString() }
    expect(await askedAfter(0)).toBe(1)
    expect(await askedAfter(lifetimeMs - 1)).toBe(1)
    expect(await askedAfter(1)).toBe(2)
  })

  it('for some minutes when it is not there, for longer each time, and at most an hour', async () => {
    status = 404
    await startPeer('peer.test')
    expect(await askedAfter(0)).toBe(1)
    expect(await askedAfter(minuteMs - 1)).toBe(1)
    expect(await askedAfter(minuteMs)).toBe(2)
    for (let count = 3; count < 9; count++) expect(await askedAfter(hourMs)).toBe(count)
    expect(await askedAfter(30 * minuteMs - 1)).toBe(8)
  })

  it('for two days while the host fails, but not when it takes it back', async () => {
    const target = peers[1]!
    expect(await askedAfter(0)).toBe(1)
    status = 503
    expect(await askedAfter(24 * hourMs)).toBe(2)
    expect(target.requests).toHaveLength(2)
    await askedAfter(23 * hourMs)
    expect(target.requests).toHaveLength(3)
    status = 404
    await askedAfter(30 * minuteMs)
    await askedAfter(30 * minuteMs)
    expect(target.requests.length).toBeLessThanOrEqual(4)
    const before = target.requests.length
    await askedAfter(hourMs)
    expect(target.requests).toHaveLength(before)
  })

  it('once, however many ask at a time', async () => {
    await Promise.all(Array.from({ length: 8 }, () => versionOf('peer.test')))
    expect(web.requestsTo(/well-known/)).toHaveLength(1)
  })

  it('until the server is not there any more', async () => {
    expect(await askedAfter(0)).toBe(1)
    client.close()
    network.unlisten(network.addHost('matrix.test'), 9000)
    expect(await askedAfter(minuteMs)).toBe(1)
    await askedAfter(5 * minuteMs)
    expect(await askedAfter(0)).toBe(2)
  })
})

describe('addresses', () => {
  it.each([
    '127.0.0.1',
    '10.0.0.1',
    '172.16.3.4',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    '::ffff:10.0.0.1',
    '::10.0.0.1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    '2001:db8::1',
    'ff02::1',
  ])('[SEC-166, SEC-165, S-36] such as %s are not connected to', async (address) => {
    network.addHost('inner.test', [address])
    await expect(versionOf('inner.test:8448')).rejects.toThrow('no public address')
    network.addSrv('_matrix-fed._tcp.peer.test', [{ name: 'inner.test', port: 6379, priority: 0, weight: 0 }])
    await startPeer('peer.test', 1)
    await expect(versionOf('peer.test')).rejects.toThrow('no public address')
    expect(network.attempts.map(({ port }) => port)).toEqual([443])
  })

  it.each(['127.0.0.1:5432', '[::1]', '10.1.2.3', '[::ffff:127.0.0.1]:80', '0.0.0.0:8448'])(
    '[SEC-164] written as a name, %s, are not connected to',
    async (name) => {
      await expect(versionOf(name)).rejects.toThrow('no public address')
      expect(network.attempts).toEqual([])
    },
  )

  it.each(['0x7f.1:80', '2130706433:80', 'localhost.:80', '127.1:80'])(
    '[SEC-164] that only the system knows as such, %s, are not connected to',
    async (name) => {
      const system = new SystemNetwork()
      const guarded = newClient(ca, Object.assign(network, { addressesOf: (host: string) => system.addressesOf(host) }))
      await expect(guarded.getVersion(serverName(name))).rejects.toThrow(/gives no answer/)
      expect(network.attempts).toEqual([])
    },
  )

  it('[SEC-165] that change between the check and the connection make no difference', async () => {
    const answers = [['9.9.9.9'], ['127.0.0.1']]
    const peer = await startPeer('other.test', 1, 'rebinding.test')
    network.addHost('rebinding.test', () => answers.shift() ?? [])
    network.listen('9.9.9.9', 8448, peer.localPort)
    await versionOf('rebinding.test:8448')
    expect(network.attempts).toEqual([{ address: '9.9.9.9', port: 8448 }])
    expect(network.lookups).toEqual(['rebinding.test'])
  })

  it('of which some are private are reached by the others', async () => {
    const peer = await startPeer('elsewhere.test', 1, 'mixed.test')
    network.addHost('mixed.test', ['10.0.0.1', '9.9.9.9'])
    network.listen('9.9.9.9', 8448, peer.localPort)
    await versionOf('mixed.test:8448')
    expect(network.attempts).toEqual([{ address: '9.9.9.9', port: 8448 }])
  })

  it('that are private are connected to where the configuration says so', async () => {
    await using peer = await FakePeer.start({ ca })
    const open = newClient(ca, network, { network: new SystemNetwork(), allowPrivateAddresses: true })
    await expect(open.getVersion(peer.name)).resolves.toEqual({ name: 'FakePeer', version: '1' })
    const { localPort } = peer
    const byName = await FakePeer.start({ ca, certificate: await ca.issue('localhost') })
    await expect(open.getVersion(serverName(`localhost:${byName.localPort}`))).resolves.toBeDefined()
    expect(localPort).not.toBe(byName.localPort)
    open.close()
    await byName[Symbol.asyncDispose]()
  })
})
