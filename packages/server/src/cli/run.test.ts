import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Environment } from '../config/read-environment.ts'
import type { NewAccount, NewToken, ServerActions } from './command.ts'
import { runCommandLine } from './run.ts'

let workingDirectory: string
beforeEach(() => {
  workingDirectory = mkdtempSync(join(tmpdir(), 'hearth-cli-'))
})
afterEach(() => rmSync(workingDirectory, { recursive: true }))

const refusing: ServerActions = {
  startServer: () => Promise.reject(new Error('the port is taken')),
  migrateDatabase: () => Promise.reject(new Error('the database is away')),
  createAccount: () => Promise.reject(new Error('the name is taken')),
  createToken: () => Promise.reject(new Error('the database is away')),
  rotateKey: () => Promise.reject(new Error('the database is away')),
  backUp: () => Promise.reject(new Error('the directory is not empty')),
  restore: () => Promise.reject(new Error('the database is not empty')),
  diagnose: () => Promise.resolve([]),
}

const names = [
  'start',
  'check-config',
  'doctor',
  'create-user',
  'create-token',
  'rotate-key',
  'backup',
  'restore',
  'migrate',
]

interface Call {
  environment?: Environment
  input?: string
  actions?: Partial<ServerActions>
}

/** Runs the command line as a shell would and gives what came out of it. */
async function hearth(words: string, { environment = {}, input = '', actions }: Call = {}) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  stdin.end(input)
  const status = await runCommandLine(words.split(' ').filter(Boolean), {
    environment,
    workingDirectory,
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout,
    stderr,
    actions: { ...refusing, ...actions },
  })
  const text = (stream: PassThrough) => String(stream.read() ?? '')
  return { status, out: text(stdout), err: text(stderr) }
}

describe('hearth', () => {
  it('lists its commands', async () => {
    const { status, out } = await hearth('--help')
    expect(status).toBe(0)
    for (const name of names) expect(out).toContain(`  ${name}`)
  })

  it('gives its version', async () => {
    expect((await hearth('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it.each(names)('explains %s', async (name) => {
    const { status, out } = await hearth(`${name} --help`)
    expect(status).toBe(0)
    expect(out).toContain(`usage: hearth ${name} `)
    expect(out).toContain('--config FILE')
  })

  it.each([
    ['', 'no command was given; see hearth --help'],
    ['strat', 'there is no command "strat", the nearest is start; see hearth --help'],
    ['start now', 'start does not take "now"; see hearth start --help'],
    ['create-user', 'create-user needs NAME; see hearth create-user --help'],
    ['create-user @a:elsewhere.org', '@a:elsewhere.org is not of this server, which is localhost'],
    ['create-user @a', '"@a" is not a user id: @name:server'],
    ['create-user Alice', '"Alice" cannot be a name: a to z, 0 to 9 and . _ = - / + are allowed'],
    ['create-user alice', 'no password was given'],
    ['create-token --uses 0', '--uses takes a number from 1 on, not "0"'],
    [
      'create-token --expires tomorrow',
      '--expires takes days, hours or minutes, such as 30d, 12h or 15m, not "tomorrow"',
    ],
  ])('answers a wrong call with status 2: hearth %s', async (words, message) => {
    expect(await hearth(words)).toEqual({ status: 2, out: '', err: `hearth: ${message}\n` })
  })

  it('names an option it does not know', async () => {
    const { status, err } = await hearth('start --prot 80')
    expect(status).toBe(2)
    expect(err).toContain("'--prot'")
  })

  it.each(['start', 'check-config', 'migrate', 'create-user a'])('refuses a wrong configuration: %s', async (words) => {
    const { status, err } = await hearth(words, { environment: { HEARTH_LOG_LEVEL: 'loud', HEARTH_NONSENSE: '1' } })
    expect(status).toBe(2)
    expect(err).toMatch(/^hearth: HEARTH_NONSENSE: .*\nhearth: HEARTH_LOG_LEVEL: .*\n$/)
  })

  it.each([
    ['start', 'the port is taken'],
    ['migrate', 'the database is away'],
    ['create-user alice', 'the name is taken'],
  ])('fails with status 1 and one line: %s', async (words, message) => {
    const environment = { HEARTH_LOG_LEVEL: 'error' }
    expect(await hearth(words, { environment, input: 'password' })).toEqual({
      status: 1,
      out: '',
      err: `hearth: ${message}\n`,
    })
  })
})

describe('hearth check-config', () => {
  it('shows what is set where, without secrets', async () => {
    writeFileSync(
      join(workingDirectory, 'a.yaml'),
      'server_name: a.org\nmail: { smtp_url: "smtp://u:pw@m", from: a@b }',
    )
    const environment = { HEARTH_REGISTRATION_SHARED_SECRET: 'hidden' }
    const { status, out } = await hearth('check-config --config a.yaml', { environment })
    expect(status).toBe(0)
    expect(out).toBe(`server_name = a.org    (a.yaml:1)
registration.shared_secret = (secret)    (HEARTH_REGISTRATION_SHARED_SECRET)
mail.smtp_url = (secret)    (a.yaml:2, no effect in this version)
mail.from = a@b    (a.yaml:2, no effect in this version)
The configuration is good; every other setting has its default.
`)
  })
})

describe('hearth create-user', () => {
  const asking = () => {
    const asked: NewAccount[] = []
    const createAccount: ServerActions['createAccount'] = async (config, _logger, account) => {
      asked.push(account)
      return `@${account.localpart}:${config.serverName}`
    }
    return { asked, actions: { createAccount } }
  }

  it('takes the password from the standard input', async () => {
    const { asked, actions } = asking()
    const result = await hearth('create-user alice', { input: 'correct horse \nrest\n', actions })
    expect(result).toEqual({ status: 0, out: '@alice:localhost\n', err: '' })
    expect(asked).toEqual([{ localpart: 'alice', password: 'correct horse ', admin: false }])
  })

  it('makes administrators, and takes full user ids', async () => {
    const { asked, actions } = asking()
    await hearth('create-user @bob:localhost --admin', { input: 'pw', actions })
    expect(asked).toEqual([{ localpart: 'bob', password: 'pw', admin: true }])
  })
})

describe('hearth create-token', () => {
  it.each([
    ['', {}],
    ['--uses 5 --expires 7d', { uses: 5, validForMs: 7 * 24 * 60 * 60_000 }],
    ['--expires 12h', { validForMs: 12 * 60 * 60_000 }],
    ['--expires 15m', { validForMs: 15 * 60_000 }],
  ])('gives a token and its link: %s', async (options, expected) => {
    const asked: NewToken[] = []
    const createToken: ServerActions['createToken'] = async (config, _logger, token) => {
      asked.push(token)
      return { token: 'abc', link: `${config.publicUrl}/register#abc` }
    }
    const result = await hearth(`create-token ${options}`, { actions: { createToken } })
    expect(result).toEqual({ status: 0, out: 'abc\nhttp://127.0.0.1:8008/register#abc\n', err: '' })
    expect(asked).toEqual([expected])
  })
})

describe('hearth migrate', () => {
  it('names the migrations it ran', async () => {
    const migrateDatabase = async () => ['0001-events', '0002-accounts']
    const { status, out } = await hearth('migrate', { actions: { migrateDatabase } })
    expect(status).toBe(0)
    expect(out).toBe('0001-events\n0002-accounts\nThe database has been brought up to date.\n')
  })
})

describe('hearth start', () => {
  it('serves until SIGTERM, reads certificates again at SIGHUP, stops and gives status 0', async () => {
    const calls: string[] = []
    const startServer: ServerActions['startServer'] = async () => {
      setTimeout(() => process.emit('SIGHUP'), 10)
      setTimeout(() => process.emit('SIGTERM', 'SIGTERM'), 20)
      return {
        reload: async () => void calls.push('reload'),
        stop: async () => void calls.push('stop'),
      }
    }
    const environment = { HEARTH_LOG_LEVEL: 'error' }
    expect(await hearth('start', { environment, actions: { startServer } })).toEqual({ status: 0, out: '', err: '' })
    expect(calls).toEqual(['reload', 'stop'])
  })

  it('stops as soon as it has started when the signal came before', async () => {
    const calls: string[] = []
    const startServer: ServerActions['startServer'] = async () => {
      process.emit('SIGINT', 'SIGINT')
      return { reload: async () => undefined, stop: async () => void calls.push('stop') }
    }
    const { status } = await hearth('start', { environment: { HEARTH_LOG_LEVEL: 'error' }, actions: { startServer } })
    expect(status).toBe(0)
    expect(calls).toEqual(['stop'])
  })
})
