import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatSigningKey, generateSigningKey } from '@hearth/crypto'
import { createLogger, FakeClock } from '@hearth/runtime'
import { Database } from '@hearth/store'
import {
  createTestDatabase,
  FakeNetwork,
  FakePeer,
  freePort,
  NginxProcess,
  TestCa,
  type TestDatabase,
} from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { examine } from '../src/doctor/examine.ts'
import { PublicRequests } from '../src/doctor/public-requests.ts'
import { judgeFileLimit } from '../src/doctor/checks/file-limits.ts'
import { diagnose, loadConfig, startServer, type Config, type Environment, type NamedFinding } from '../src/index.ts'
import { PlainUpstream } from './nginx/plain-upstream.ts'

const logger = createLogger({ level: 'error' })
const ipv6 = '2606:4700::1'
const stack = new AsyncDisposableStack()
let ca: TestCa
let database: TestDatabase
let settings: Record<string, string>
let config: Config

/** The world: a network in which the names of the deployment lead to one port of this machine. */
function world(localPort: number, hosts = ['example.org', 'matrix.example.org']): FakeNetwork {
  const network = new FakeNetwork()
  const address = network.addHost(hosts[0]!)
  for (const host of hosts) network.addHost(host, [address, ipv6])
  for (const port of [80, 443, 8448]) network.listen(address, port, localPort)
  return network
}

function configured(further: Environment): Config {
  const environment = { ...settings, ...further }
  return loadConfig({ environment, workingDirectory: tmpdir() }).config
}

const containing = (text: string) => expect.stringContaining(text) as string
const matching = (pattern: RegExp) => expect.stringMatching(pattern) as string

/** What one check found, without what was well. */
async function trouble(
  check: NamedFinding['check'],
  network: FakeNetwork,
  changed: Environment = {},
  clock?: FakeClock,
) {
  const options = { network, only: [check], ...(clock && { clock }) }
  const findings = await diagnose(configured(changed), logger, options)
  return findings.filter((finding) => ['error', 'warning'].includes(finding.level))
}

let nginx: NginxProcess
let network: FakeNetwork

beforeAll(async () => {
  ca = stack.use(await TestCa.create())
  database = stack.use(await createTestDatabase())
  const dataDir = await mkdtemp(join(tmpdir(), 'hearth-doctor-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  settings = {
    HEARTH_SERVER_NAME: 'example.org',
    HEARTH_PUBLIC_URL: 'https://matrix.example.org',
    HEARTH_LISTEN: 'http://127.0.0.1:0',
    HEARTH_DATA_DIR: dataDir,
    HEARTH_DATABASE_URL: database.url,
    HEARTH_NETWORK_CA_FILE: ca.caFile,
    HEARTH_FEDERATION_NOTARIES: 'notary.test',
    HEARTH_LOG_LEVEL: 'error',
  }
  const notAfter = new Date(Date.now() + 60 * 86_400_000)
  const certificate = await ca.issue(['example.org', 'matrix.example.org'], { notAfter })
  nginx = stack.use(await NginxProcess.start({ certificate, hosts: ['example.org', 'matrix.example.org'] }))
  network = world(nginx.ports.https)
  stack.use(await FakePeer.start({ ca, name: 'notary.test', network, port: 443 }))
  config = configured({})
  const server = await startServer(config, logger, { network })
  stack.defer(() => server.stop())
  await nginx.leadTo(server.urls)
})
afterAll(() => stack.disposeAsync())

describe('the doctor', () => {
  it('finds nothing wrong with a deployment as the documentation sets it up', async () => {
    const findings = await diagnose(config, logger, { network })
    // The PostgreSQL of tests is set up to be fast and to forget.
    const wrong = findings.filter(({ check, level }) => check !== 'postgresql' && ['error', 'warning'].includes(level))
    expect(wrong).toEqual([])
    const messages = findings.filter(({ level }) => level === 'ok').map(({ message }) => message)
    for (const expected of [
      /PostgreSQL \d+/,
      /clock differs from the database's by 0\.\d/,
      /clock differs from that of notary\.test/,
      /^matrix\.example\.org is 9\.0\.0\.1, 2606/,
      /certificate of matrix\.example\.org is good for \d\d days/,
      /the proxy says who asks/,
      /makes up is not believed/,
      /20 MiB reach Hearth/,
      /passed on while they come/,
      /clients find https:\/\/matrix\.example\.org/,
      /other servers are sent to matrix\.example\.org:443/,
      /example\.org is found and answers as Hearth/,
      /the published key is ed25519:/,
      /paths arrive as they were sent/,
    ]) {
      expect(messages).toContainEqual(expect.stringMatching(expected))
    }
  })
})

describe('what the doctor finds wrong', () => {
  it('with names in DNS', async () => {
    const nowhere = new FakeNetwork()
    nowhere.addHost('example.org', ['192.168.1.7'])
    expect(await trouble('dns', nowhere)).toEqual([
      expect.objectContaining({
        level: 'error',
        message: containing('192.168.1.7, which other servers refuse'),
      }),
      expect.objectContaining({
        level: 'error',
        message: containing('matrix.example.org has no address'),
      }),
    ])
    const old = new FakeNetwork()
    for (const host of ['example.org', 'matrix.example.org']) old.addHost(host)
    expect(await trouble('dns', old)).toEqual([
      expect.objectContaining({ level: 'warning', fix: containing('AAAA') }),
      expect.objectContaining({ level: 'warning' }),
    ])
  })

  it('with certificates', async () => {
    const shown = async (hosts: string[], notAfter?: Date): Promise<number> => {
      const certificate = await ca.issue(hosts, notAfter ? { notAfter } : {})
      return stack.use(await FakePeer.start({ ca, certificate })).localPort
    }
    const day = 86_400_000
    const cases: [number, Environment, string, RegExp][] = [
      [await shown(['matrix.example.org'], new Date(Date.now() - day)), {}, 'error', /has expired/],
      [await shown(['matrix.example.org'], new Date(Date.now() + 3 * day)), {}, 'warning', /expires in [23] days/],
      [await shown(['other.example.org']), {}, 'error', /is for another name/],
      [nginx.ports.https, { HEARTH_NETWORK_CA_FILE: '' }, 'error', /without its chain, or from an authority/],
      [await freePort(), {}, 'error', /takes no TLS connection: .*ECONNREFUSED/],
      [nginx.ports.https, { HEARTH_PUBLIC_URL: 'http://matrix.example.org' }, 'error', /public_url is not https/],
    ]
    for (const [port, changed, level, message] of cases) {
      const found = await trouble('tls', world(port), changed)
      expect(found.filter((finding) => !/good for/.test(finding.message))).toContainEqual(
        expect.objectContaining({ level, message: matching(message), fix: matching(/\S/) }),
      )
    }
  })

  it('with .well-known', async () => {
    const peer = stack.use(
      await FakePeer.start({ ca, certificate: await ca.issue(['example.org', 'matrix.example.org']) }),
    )
    const elsewhere = world(peer.localPort)
    expect(await trouble('well-known for clients', elsewhere)).toMatchObject([{ message: /./, level: 'error' }])
    expect(await trouble('well-known for servers', elsewhere)).toMatchObject([
      { level: 'warning', message: containing('answers 404') },
    ])
    elsewhere.addSrv('_matrix-fed._tcp.example.org', [{ name: 'm.test', port: 8448, priority: 1, weight: 1 }])
    expect(await trouble('well-known for servers', elsewhere)).toEqual([])
    peer.on('GET', '/.well-known/matrix/client', () => ({ 'm.homeserver': { base_url: 'https://old.example.org' } }))
    expect(await trouble('well-known for clients', elsewhere)).toMatchObject([
      { level: 'error', message: containing('says https://old.example.org') },
    ])
    peer.on('GET', '/.well-known/matrix/client', () => ({ 'm.homeserver': { base_url: 'https://matrix.example.org' } }))
    expect(await trouble('well-known for clients', elsewhere)).toMatchObject([
      { level: 'error', fix: containing('Access-Control-Allow-Origin') },
    ])
    peer.on('GET', '/.well-known/matrix/server', () => ({ 'm.server': 'not a name' }))
    expect(await trouble('well-known for servers', elsewhere)).toMatchObject([{ level: 'error' }])
  })

  it('with federation', async () => {
    expect(await trouble('federation', world(await freePort()))).toMatchObject([
      { level: 'error', message: containing('is not found as other servers look for it') },
    ])
    const dataDir = await mkdtemp(join(tmpdir(), 'hearth-doctor-'))
    stack.defer(() => rm(dataDir, { recursive: true, force: true }))
    await writeFile(join(dataDir, 'signing.key'), formatSigningKey(generateSigningKey('a_other')), { mode: 0o600 })
    expect(await trouble('federation', network, { HEARTH_DATA_DIR: dataDir })).toMatchObject([
      { level: 'error', message: containing('a_other of this server is not the one that is published') },
    ])
  })

  it('with a proxy that changes paths, hides who asks, keeps uploads and refuses them', async () => {
    const seen = (request: IncomingMessage, response: ServerResponse): void => {
      const path = request.url ?? ''
      if (path === '/health') response.end('{"status":"ok"}')
      else if (path.includes('/upload')) {
        // Waits for all of it, as proxies do that keep what they pass on.
        request.resume().on('end', () => response.writeHead(413, { connection: 'close' }).end('<html>too large</html>'))
      } else response.end('{}')
    }
    await using proxy = await PlainUpstream.start(seen)
    const there = world(Number(new URL(proxy.url).port))
    expect(await trouble('proxy', there, { HEARTH_PUBLIC_URL: 'http://matrix.example.org' })).toMatchObject([
      { level: 'error', fix: containing('no path after it') },
      { level: 'error', fix: 'proxy_set_header X-Forwarded-For $remote_addr;' },
      { level: 'error', message: containing('clients can make up their address') },
      { level: 'error', fix: containing('client_max_body_size') },
      { level: 'warning', fix: containing('proxy_request_buffering off;') },
    ])
    expect(await trouble('proxy', world(await freePort()))).toMatchObject([
      { level: 'error', message: containing('gives no answer') },
    ])
  })

  it('with the clock', async () => {
    const late = new FakeClock(Date.now() - 180_000)
    const found = await trouble('clock', network, {}, late)
    expect(found).toMatchObject([
      { level: 'error', message: containing("the database's by 18"), fix: 'timedatectl set-ntp true' },
      { level: 'error', message: containing('that of notary.test by 1') },
    ])
  })

  it('with PostgreSQL', async () => {
    await using own = await createTestDatabase()
    const db = await Database.open({ url: own.url, logger })
    const name = new URL(own.url).pathname.slice(1)
    await db.execute(null, `alter database "${name}" set synchronous_commit = off`)
    await db.execute(null, `alter database "${name}" set default_transaction_isolation = 'serializable'`)
    await db.execute(null, `insert into deployment (server_name, created_ts) values ('other.org', 1)`)
    await db.close()
    const found = await trouble('postgresql', network, { HEARTH_DATABASE_URL: own.url })
    for (const fix of [
      'alter system set synchronous_commit = on;',
      "alter system set default_transaction_isolation = 'read committed';",
      'server_name: other.org',
    ]) {
      expect(found).toContainEqual(expect.objectContaining({ level: 'error', fix }))
    }
    const away = { HEARTH_DATABASE_URL: `postgres://hearth@127.0.0.1:${await freePort()}/hearth` }
    expect(await trouble('postgresql', network, away)).toMatchObject([
      { level: 'error', message: containing('cannot be reached') },
    ])
  })

  it('with Redis', async () => {
    const port = await freePort()
    const redis = spawn('redis-server', [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--maxmemory-policy',
      'allkeys-lru',
    ])
    try {
      const url = { HEARTH_REDIS_URL: `redis://127.0.0.1:${port}` }
      const isUp = async () =>
        (await trouble('redis', network, url)).every(({ message }) => !message.includes('cannot be used'))
      while (!(await isUp())) await sleep(100)
      expect(await trouble('redis', network, url)).toContainEqual(
        expect.objectContaining({
          level: 'error',
          message: containing('maxmemory-policy is allkeys-lru'),
        }),
      )
    } finally {
      redis.kill()
      await once(redis, 'exit')
    }
    expect(await trouble('redis', network, { HEARTH_REDIS_URL: `redis://127.0.0.1:${port}` })).toMatchObject([
      { level: 'error', message: containing('Redis cannot be used') },
    ])
  })

  it('with the key file and the limits of the system', async () => {
    const key = join(config.dataDir, 'signing.key')
    await chmod(key, 0o644)
    expect(await trouble('disk', network)).toMatchObject([{ level: 'error', fix: `chmod 600 ${key}` }])
    await chmod(key, 0o600)
    expect([1024, 4096, 65_536].map((limit) => judgeFileLimit(limit).level)).toEqual(['error', 'warning', 'ok'])
  })

  it('with what never answers, at the latest when the time is over', async () => {
    const silent = world(1)
    silent.connect = () => new Socket()
    const federationClient = { getVersion: () => new Promise(() => undefined) }
    const requests = new PublicRequests({ network: silent, config })
    const context = { config, network: silent, requests, federationClient, now: Date.now }
    const findings = await examine(context as never, { limitMs: 300 })
    const late = findings
      .filter(({ message }) => message.includes('no answer within 0.3 seconds'))
      .map(({ check }) => check)
    expect(late).toContain('federation')
    expect(findings.filter(({ check }) => check === 'tls')).toMatchObject([{ level: 'error' }])
  })
})
