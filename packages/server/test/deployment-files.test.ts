import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../src/index.ts'

const root = join(import.meta.dirname, '../../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

interface Service {
  readonly image?: string
  readonly build?: string
  readonly restart?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly secrets?: readonly string[]
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>
  readonly command?: readonly string[]
  readonly env_file?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: { readonly test: readonly string[] }
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, unknown>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

/** What compose makes of the file when these variables are set. */
function composed(path: string, variables: Readonly<Record<string, string>>): Compose {
  const text = read(path).replaceAll(
    /\$\{(\w+)(?::?([?-])([^}]*))?\}/g,
    (_, name: string, sign: string, word: string) => {
      const value = variables[name] ?? (sign === '-' ? word : undefined)
      if (value === undefined) throw new Error(`${name} has to be set`)
      return value
    },
  )
  return parse(text, { merge: true }) as Compose
}

/** What Hearth makes of an environment; secrets are in files that are elsewhere. */
function settingsOf(environment: Readonly<Record<string, string>>) {
  const entries = Object.entries(environment).map(([name, value]) =>
    name === 'HEARTH_DATABASE_URL_FILE' ? ['HEARTH_DATABASE_URL', 'postgres://hearth@postgres/hearth'] : [name, value],
  )
  const settings = Object.fromEntries(entries) as Record<string, string>
  return loadConfig({ environment: settings, workingDirectory: '/var/empty' }).config
}

describe('docker-compose.yml', () => {
  const file = composed('docker-compose.yml', { SERVER_NAME: 'example.org', PUBLIC_HOST: 'matrix.example.org' })
  const services = Object.entries(file.services)
  const hearths = services.filter(([, { build }]) => build !== undefined)

  it.each(services)('has all that %s refers to', (_, service) => {
    expect(service.restart).toBe('unless-stopped')
    if (service.build === undefined) {
      expect(service.image).toMatch(/^[a-z]+:\d+(\.\d+)?$/)
      expect(service.healthcheck?.test[0]).toBe('CMD')
    }
    for (const volume of service.volumes ?? []) {
      const source = volume.split(':')[0]!
      if (source.startsWith('./')) expect(existsSync(join(root, source))).toBe(true)
      else expect(file.volumes).toHaveProperty([source])
    }
    for (const secret of service.secrets ?? []) expect(file.secrets[secret]?.file).toMatch(/^secrets\//)
    const networks = Array.isArray(service.networks) ? service.networks : Object.keys(service.networks ?? {})
    expect(networks.length).toBeGreaterThan(0)
    for (const network of networks as string[]) expect(file.networks).toHaveProperty([network])
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(file.services).toHaveProperty([other])
      expect(condition).toBe('service_healthy')
    }
  })

  it('lets nobody in but through nginx', () => {
    expect(services.filter(([, { ports }]) => ports !== undefined).map(([name]) => name)).toEqual(['nginx'])
    const { services: published } = composed('deploy/compose.databases.yml', {})
    for (const { ports = [] } of Object.values(published)) {
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/)
    }
  })

  it('sets Hearth up with settings that it has, every part of it somewhere', () => {
    const configs = hearths.map(([, { environment = {} }]) => settingsOf(environment))
    for (const { serverName, publicUrl, databaseUrl, redisUrl } of configs) {
      expect([serverName, publicUrl]).toEqual(['example.org', 'https://matrix.example.org'])
      expect([databaseUrl, redisUrl]).not.toContain(undefined)
    }
    const parts = new Set(configs.flatMap(({ roles }) => roles))
    expect(parts).toEqual(new Set(['client', 'federation-in', 'media', 'federation-out', 'jobs']))
    // Everybody behind nginx serves everything that is served.
    const behind = [
      ...file.services['nginx']!.environment!['MATRIX_UPSTREAM_SERVERS']!.matchAll(/server ([\w-]+):8008;/g),
    ]
    expect(behind.length).toBeGreaterThan(1)
    for (const [, name] of behind) {
      expect(settingsOf(file.services[name!]!.environment!).roles).toEqual(['client', 'federation-in', 'media'])
    }
  })

  it('makes a database and a Redis that Hearth accepts, with secrets from files alone', () => {
    const { postgres, redis } = file.services
    expect(postgres!.environment!['POSTGRES_INITDB_ARGS']).toBe('--locale=C --encoding=UTF8')
    expect(redis!.command!.join(' ')).toContain('--maxmemory-policy noeviction')
    for (const [, { environment = {} }] of services) {
      expect(Object.keys(environment).filter((name) => /PASSWORD$|SECRET$|DATABASE_URL$/.test(name))).toEqual([])
    }
    expect(read('.gitignore')).toMatch(/^\/secrets\/$/m)
    expect(read('.dockerignore')).toMatch(/^secrets$/m)
  })

  it('fills in all that the file of nginx leaves open, as nginx.env does', () => {
    const names = new Set(
      [...read('deploy/nginx/hearth.conf.template').matchAll(/\$\{(MATRIX_[A-Z0-9_]*[A-Z0-9])\}/g)].map(
        ([, name]) => name,
      ),
    )
    expect(new Set(Object.keys(parseEnv(read('deploy/nginx/nginx.env'))))).toEqual(names)
    const nginx = file.services['nginx']!
    expect(nginx.env_file).toEqual(['deploy/nginx/nginx.env'])
    const own = Object.keys(nginx.environment ?? {}).filter((name) => name.startsWith('MATRIX_'))
    for (const name of own) expect(names).toContain(name)
  })
})

describe('Dockerfile', () => {
  const lines = read('Dockerfile')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => /^[A-Z]/.test(line))
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM')))
  const argument = (name: string): string | undefined =>
    last
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length)
      .trim()

  it('ends in a stage that holds what was built, and is run by nobody in particular', () => {
    expect(lines.filter((line) => line.startsWith('FROM'))).toEqual([
      'FROM node:24-bookworm-slim AS build',
      'FROM node:24-bookworm-slim',
    ])
    expect(lines.some((line) => /^RUN npm ci\b/.test(line))).toBe(true)
    expect(lines.some((line) => /^RUN npm prune --omit=dev\b/.test(line))).toBe(true)
    expect(last).toContain('COPY --from=build /app ./')
    expect(argument('USER')).toBe('hearth')
    expect(argument('VOLUME')).toBe('/data')
    expect(argument('HEALTHCHECK')).toContain('/health')
  })

  it('starts Hearth with settings that it has', () => {
    expect(JSON.parse(argument('ENTRYPOINT')!)).toEqual(['/app/scripts/hearth'])
    expect(JSON.parse(argument('CMD')!)).toEqual(['start'])
    const environment = parseEnv(
      argument('ENV')!
        .split(/\s+(?=[A-Z_]+=)/)
        .join('\n'),
    ) as Record<string, string>
    expect(settingsOf(environment)).toMatchObject({ dataDir: '/data', listen: ['http://0.0.0.0:8008'] })
  })
})

describe('deploy/systemd', () => {
  const unit = read('deploy/systemd/hearth@.service')

  it('starts, reloads and stops as Hearth wants it, as an account of its own', () => {
    for (const line of [
      'User=hearth',
      'ExecStart=/opt/hearth/scripts/hearth start',
      'ExecReload=/bin/kill -HUP $MAINPID',
      'TimeoutStopSec=15',
      'LimitNOFILE=65536',
      'NoNewPrivileges=true',
      'ProtectSystem=strict',
    ]) {
      expect(unit.split('\n')).toContain(line)
    }
    // Node compiles at run time.
    expect(unit).not.toContain('MemoryDenyWriteExecute=true')
  })

  it('comes with settings that Hearth has', () => {
    const environment = parseEnv(read('deploy/systemd/hearth.env').replaceAll(/^#(?=HEARTH_)/gm, '')) as Record<
      string,
      string
    >
    expect(settingsOf(environment)).toMatchObject({ dataDir: '/var/lib/hearth', redisUrl: 'redis://127.0.0.1:6379' })
  })
})
