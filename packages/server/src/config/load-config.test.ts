import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configSchema } from '../generated/config.ts'
import { fromText } from './assignment.ts'
import { assignmentCheck } from './check-assignment.ts'
import { ConfigError } from './config-error.ts'
import { formats } from './formats.ts'
import { loadConfig, type LoadedConfig } from './load-config.ts'
import type { Environment } from './read-environment.ts'
import { allowedValues, settingsOf } from './settings.ts'

let workingDirectory: string
beforeEach(() => {
  workingDirectory = mkdtempSync(join(tmpdir(), 'hearth-config-'))
})
afterEach(() => rmSync(workingDirectory, { recursive: true }))

/** Loads with a file `hearth.yaml` of this text, named on the command line, and this environment. */
function load(yaml: string, environment: Environment = {}): LoadedConfig {
  writeFileSync(join(workingDirectory, 'hearth.yaml'), yaml)
  return loadConfig({ file: 'hearth.yaml', environment, workingDirectory })
}

/** What is wrong with a configuration. */
function problems(yaml: string, environment: Environment = {}): readonly string[] {
  try {
    load(yaml, environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('the defaults', () => {
  it('are those of a server on this machine with its own database', () => {
    const { config, assignments } = loadConfig({ environment: {}, workingDirectory })
    expect(assignments).toEqual([])
    expect(config).toEqual({
      serverName: 'localhost',
      publicUrl: 'http://127.0.0.1:8008',
      listen: ['http://127.0.0.1:8008'],
      tls: {},
      trustedProxies: ['loopback'],
      dataDir: join(workingDirectory, 'data'),
      roles: ['all'],
      logLevel: 'info',
      registration: { mode: 'token', guests: false },
      support: {},
      rooms: { defaultVersion: '12', directory: 'everyone' },
      federation: { enabled: true, allow: ['*'], deny: [], notaries: ['matrix.org'] },
      network: { allowPrivateAddresses: false },
      rateLimits: { enabled: true },
      appservices: [],
      mail: {},
      media: {
        maxUploadSize: '100M',
        remoteCacheSize: '10G',
        unauthenticatedAccess: 'frozen',
        s3: { region: 'us-east-1' },
      },
      urlPreviews: { enabled: false, deny: [] },
      turn: { uris: [] },
      metrics: {},
      recaptcha: { verifyUrl: 'https://www.google.com/recaptcha/api/siteverify' },
      cas: {},
    })
  })

  it('are frozen with all that is in them', () => {
    const { config } = loadConfig({ environment: {}, workingDirectory })
    expect(Object.isFrozen(config)).toBe(true)
    expect(Object.isFrozen(config.registration)).toBe(true)
    expect(Object.isFrozen(config.listen)).toBe(true)
  })
})

describe('the schema', () => {
  const settings = settingsOf(configSchema)

  it.each(settings)('says what $key is and what it may be', (setting) => {
    expect(setting.schema.description).toMatch(/\.$/)
    expect(allowedValues(setting)).not.toBe('any text')
    for (const format of [setting.schema.format, setting.schema.items?.format]) {
      if (format) expect(formats).toHaveProperty([format])
    }
  })

  it.each(settings.filter(({ schema }) => schema.examples))('has examples of $key that are accepted', (setting) => {
    const check = assignmentCheck()
    for (const example of setting.schema.examples!) {
      expect(check({ setting, value: fromText(setting, example), origin: 'example' })).toBeUndefined()
    }
  })

  it('gives every setting a variable of its own', () => {
    const variables = settings.map(({ variable }) => variable)
    expect(new Set(variables).size).toBe(variables.length)
  })
})

describe('the file', () => {
  it('sets what it names', () => {
    const { config } = load(`
server_name: example.org
listen:
  - http://0.0.0.0:8008
  - http://[::1]:8009
registration:
  mode: open
  guests: true
rooms: { default_version: 11 }
trusted_proxies: loopback, 10.0.0.0/8
`)
    expect(config.serverName).toBe('example.org')
    expect(config.listen).toEqual(['http://0.0.0.0:8008', 'http://[::1]:8009'])
    expect(config.publicUrl).toBe('http://0.0.0.0:8008')
    expect(config.registration).toEqual({ mode: 'open', guests: true })
    expect(config.rooms.defaultVersion).toBe('11')
    expect(config.trustedProxies).toEqual(['loopback', '10.0.0.0/8'])
  })

  it('may leave keys and groups empty', () => {
    expect(load('server_name:\nregistration:\n  # mode: open\nmail:\n').config.serverName).toBe('localhost')
    expect(load('').config.serverName).toBe('localhost')
  })

  it('is hearth.yaml of the data directory when none is named', () => {
    mkdirSync(join(workingDirectory, 'elsewhere'))
    writeFileSync(join(workingDirectory, 'elsewhere/hearth.yaml'), 'server_name: elsewhere.org')
    const { config } = loadConfig({ environment: { HEARTH_DATA_DIR: 'elsewhere' }, workingDirectory })
    expect(config.serverName).toBe('elsewhere.org')
    expect(config.dataDir).toBe(join(workingDirectory, 'elsewhere'))
  })

  it('cannot move the data directory that it was found in', () => {
    mkdirSync(join(workingDirectory, 'data'))
    writeFileSync(join(workingDirectory, 'data/hearth.yaml'), 'data_dir: ./other')
    expect(() => loadConfig({ environment: {}, workingDirectory })).toThrow(
      'data/hearth.yaml:1: data_dir: names another directory than the one this file was found in',
    )
  })

  it('must be there when it is named', () => {
    expect(() => loadConfig({ file: 'absent.yaml', environment: {}, workingDirectory })).toThrow(
      /^absent.yaml: the file cannot be read: ENOENT/,
    )
  })

  it('is refused for an unknown key, with its line, the nearest and what is allowed', () => {
    expect(problems('server_name: a.org\n\nregistration:\n  moode: open\n')).toEqual([
      'hearth.yaml:4: registration.moode: there is no such setting; the nearest is registration.mode; ' +
        'allowed here: mode, guests, terms_url, shared_secret',
    ])
    expect(problems('default_version: 11')[0]).toContain('the nearest is rooms.default_version;')
    expect(problems('__proto__: 1\nconstructor: 2')).toHaveLength(2)
  })

  it('is refused for values that are not allowed, all at once', () => {
    expect(problems('log_level: loud\nregistration:\n  guests: yes\nlisten:\n  - ftp://a\nroles: []\n')).toEqual([
      'hearth.yaml:1: log_level: "loud" is not allowed; allowed: error, warn, info, debug',
      'hearth.yaml:3: registration.guests: "yes" is not allowed; allowed: true, false',
      'hearth.yaml:4: listen: "ftp://a" is not allowed; allowed: a list of URLs of http or https, an address and a port, ' +
        'such as http://127.0.0.1:8008',
      'hearth.yaml:6: roles: must not be empty; allowed: a list of all, client, federation-in, federation-out, media, jobs',
    ])
  })

  it('is refused for wrong types', () => {
    expect(problems('server_name: [a.org]')[0]).toContain('hearth.yaml:1: server_name: ["a.org"] is not allowed')
    expect(problems('registration: open')).toEqual([
      'hearth.yaml:1: registration: is a group of settings; allowed below it: mode, guests, terms_url, shared_secret',
    ])
    expect(problems('server_name: { a: b }')).toHaveLength(1)
    expect(problems('listen: [{ a: b }]')).toHaveLength(1)
    expect(problems('- a\n- b')).toEqual([
      'hearth.yaml:1: the file must hold settings, such as "server_name: example.org"',
    ])
  })

  it('is refused for YAML that is none, and for a key that comes twice', () => {
    expect(problems('server_name: "a.org')[0]).toMatch(/^hearth\.yaml:1: /)
    expect(problems('server_name: a.org\nserver_name: b.org\n')[0]).toMatch(/^hearth\.yaml:2: .*unique/)
  })

  it('never has its secrets repeated in a message', () => {
    const found = problems('database_url: mysql://root:hunter2@db\nredis_url: hunter3\n')
    expect(found).toHaveLength(2)
    expect(found.join()).not.toContain('hunter')
  })
})

describe('the environment', () => {
  it('takes a value from the file that a variable with _FILE names', () => {
    writeFileSync(join(workingDirectory, 'secret'), 'postgres://hearth:s3cret@db/hearth\n')
    const { config, assignments } = load('', { HEARTH_DATABASE_URL_FILE: 'secret' })
    expect(config.databaseUrl).toBe('postgres://hearth:s3cret@db/hearth')
    expect(assignments).toMatchObject([{ origin: 'HEARTH_DATABASE_URL_FILE' }])
    expect(load('', { DATABASE_URL_FILE: join(workingDirectory, 'secret') }).config.databaseUrl).toContain('s3cret')
  })

  it('refuses such a file that cannot be read, holds something wrong, or comes beside the value itself', () => {
    writeFileSync(join(workingDirectory, 'secret'), 's3cret')
    expect(problems('', { HEARTH_DATABASE_URL_FILE: 'absent' })).toEqual([
      expect.stringMatching(/^HEARTH_DATABASE_URL_FILE: the file cannot be read: ENOENT/),
    ])
    expect(problems('', { HEARTH_DATABASE_URL_FILE: 'secret' })).toEqual([
      expect.stringMatching(/^HEARTH_DATABASE_URL_FILE: database_url: (?!.*s3cret)/),
    ])
    expect(problems('', { HEARTH_LOG_LEVEL_FILE: 'secret', HEARTH_LOG_LEVEL: 'info' })).toEqual([
      'HEARTH_LOG_LEVEL_FILE: HEARTH_LOG_LEVEL is set as well, and only one of them can count',
    ])
    expect(problems('', { HEARTH_NOTHING_FILE: 'secret' })).toHaveLength(1)
  })

  it('wins over the file', () => {
    const { config, assignments } = load('server_name: file.org\nlog_level: warn', { HEARTH_SERVER_NAME: 'env.org' })
    expect(config.serverName).toBe('env.org')
    expect(config.logLevel).toBe('warn')
    expect(assignments.map(({ origin }) => origin)).toEqual(['HEARTH_SERVER_NAME', 'hearth.yaml:2'])
  })

  it('takes lists with commas, booleans as true and false, and numbers as text', () => {
    const { config } = load('', {
      HEARTH_LISTEN: 'http://127.0.0.1:1, http://127.0.0.1:2',
      HEARTH_RATE_LIMITS_ENABLED: 'false',
      HEARTH_ROOMS_DEFAULT_VERSION: '10',
    })
    expect(config.listen).toEqual(['http://127.0.0.1:1', 'http://127.0.0.1:2'])
    expect(config.rateLimits.enabled).toBe(false)
    expect(config.rooms.defaultVersion).toBe('10')
  })

  it('may name the database and Redis as other programs do, unless ours says otherwise', () => {
    const general = { DATABASE_URL: 'postgres://a/b', REDIS_URL: 'redis://c' }
    expect(load('', general).config).toMatchObject({ databaseUrl: 'postgres://a/b', redisUrl: 'redis://c' })
    const both = { ...general, HEARTH_DATABASE_URL: 'postgres:///d?host=/run/postgresql' }
    expect(load('', both).config.databaseUrl).toBe('postgres:///d?host=/run/postgresql')
  })

  it('configures a server for a conformance suite, application services and stand-ins for other servers included', () => {
    const { config } = load('', {
      HEARTH_SERVER_NAME: 'localhost:8800',
      HEARTH_PUBLIC_URL: 'https://localhost:8800',
      HEARTH_LISTEN: 'https://localhost:8800',
      HEARTH_TLS_CERTIFICATE: '/w/tls.crt',
      HEARTH_TLS_PRIVATE_KEY: '/w/tls.key',
      HEARTH_DATA_DIR: '/w/data',
      HEARTH_DATABASE_URL: 'postgres://u:p@127.0.0.1/db_0',
      HEARTH_REGISTRATION_GUESTS: 'true',
      HEARTH_REGISTRATION_SHARED_SECRET: 'reg_secret',
      HEARTH_NETWORK_CA_FILE: '/w/ca.crt',
      HEARTH_NETWORK_ALLOW_PRIVATE_ADDRESSES: 'true',
      HEARTH_APPSERVICES: '/w/as1.yaml,/w/as2.yaml',
      HEARTH_MAIL_SMTP_URL: 'smtp://localhost:8025',
      HEARTH_MAIL_FROM: 'hearth@localhost',
      HEARTH_RECAPTCHA_VERIFY_URL: 'http://localhost:8801/recaptcha/api/siteverify',
      HEARTH_RECAPTCHA_PUBLIC_KEY: 'sytest_recaptcha_public_key',
      HEARTH_RECAPTCHA_PRIVATE_KEY: 'sytest_recaptcha_private_key',
      HEARTH_CAS_SERVER_URL: 'http://localhost:8801/cas',
    })
    expect(config.listen).toEqual(['https://localhost:8800'])
    expect(config.appservices).toHaveLength(2)
  })

  it('counts an empty variable as not set', () => {
    expect(load('', { HEARTH_DATABASE_URL: '', DATABASE_URL: '' }).config.databaseUrl).toBeUndefined()
  })

  it('is refused with the name of the variable', () => {
    const environment = {
      HEARTH_RATE_LIMITS_ENABLED: '1',
      DATABASE_URL: 'mysql://a',
      HEARTH_REGISTRATON_MODE: 'open',
      PATH: '/',
    }
    expect(problems('', environment)).toEqual([
      'HEARTH_REGISTRATON_MODE: there is no such setting; the nearest is HEARTH_REGISTRATION_MODE',
      'DATABASE_URL: database_url: the given value is not allowed; allowed: a URL that starts with postgres:// or postgresql://',
      'HEARTH_RATE_LIMITS_ENABLED: rate_limits.enabled: "1" is not allowed; allowed: true, false',
    ])
  })

  it('does not hide a mistake in the file', () => {
    expect(problems('log_level: loud', { HEARTH_LOG_LEVEL: 'info' })).toHaveLength(1)
  })
})

describe('settings that contradict each other', () => {
  it('are refused when one of a pair is missing', () => {
    expect(problems('tls:\n  certificate: a.pem')).toEqual([
      'hearth.yaml:2: tls.certificate: needs tls.private_key as well',
    ])
    expect(problems('', { HEARTH_MAIL_FROM: 'a@b' })).toEqual([
      'HEARTH_MAIL_FROM: mail.from: needs mail.smtp_url as well',
    ])
    expect(problems('turn: { uris: "turn:a" }')).toEqual(['hearth.yaml:1: turn.uris: needs turn.shared_secret as well'])
    expect(problems('recaptcha: { private_key: a }')).toHaveLength(1)
  })

  it('are refused when https has no certificate', () => {
    expect(problems('listen: https://0.0.0.0:8448')).toEqual([
      'hearth.yaml:1: listen: https://0.0.0.0:8448 needs tls.certificate and tls.private_key',
    ])
  })

  it('are refused when all roles and one role are named', () => {
    expect(problems('roles: [all, media]')).toHaveLength(1)
  })

  it('are refused when one of several processes has no Redis, or no database to share', () => {
    expect(problems('database_url: postgres://a/b\nroles: [client]')).toEqual([
      'hearth.yaml:2: roles: a part of the server runs beside other processes, which need redis_url',
    ])
    expect(problems('redis_url: redis://a')).toEqual([
      expect.stringMatching(/^hearth.yaml:1: redis_url: .* set database_url as well$/),
    ])
    const settings = 'database_url: postgres://a/b\nredis_url: redis://a\nroles: [client, federation-in]'
    expect(load(settings).config.roles).toEqual(['client', 'federation-in'])
  })
})

describe('public_url', () => {
  it('has no slash at its end', () => {
    expect(load('public_url: https://example.org/').config.publicUrl).toBe('https://example.org')
  })
})

describe('paths', () => {
  it('start from the working directory, wherever they are written', () => {
    const { config } = load('tls: { certificate: a.pem, private_key: /b.pem }', {
      HEARTH_APPSERVICES: 'c.yaml,/d.yaml',
    })
    expect(config.tls).toEqual({ certificate: join(workingDirectory, 'a.pem'), privateKey: '/b.pem' })
    expect(config.appservices).toEqual([join(workingDirectory, 'c.yaml'), '/d.yaml'])
  })
})
