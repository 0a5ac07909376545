import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DescriptorSink } from './log-lines.ts'
import { createLogger, type Logger, type LogLevel } from './logger.ts'

function logTo(options: { level?: LogLevel; pretty?: boolean } = {}): { logger: Logger; lines: string[] } {
  const lines: string[] = []
  const sink = { write: (line: string) => lines.push(line), flush() {} }
  const { level = 'debug', pretty = false } = options
  return { logger: createLogger({ level, pretty, sink }), lines }
}

describe('a log line', () => {
  it('is JSON with the time, the level, the message and the fields', () => {
    const { logger, lines } = logTo()
    logger.warn('slow', { ms: 12, operation: 'sync' })
    const line = JSON.parse(lines[0]!) as Record<string, unknown>
    expect(line).toMatchObject({ level: 'warn', message: 'slow', ms: 12, operation: 'sync' })
    expect(new Date(line['time'] as string).getTime()).toBeGreaterThan(Date.now() - 60_000)
  })

  it('has the fields of the loggers that its logger comes from', () => {
    const { logger, lines } = logTo()
    logger.child({ requestId: 'a' }).child({ room: '!r' }).info('x', { n: 1 })
    expect(JSON.parse(lines[0]!)).toMatchObject({ requestId: 'a', room: '!r', n: 1 })
  })

  it('is written from its level up', () => {
    const { logger, lines } = logTo({ level: 'warn' })
    for (const level of ['error', 'warn', 'info', 'debug'] as const) logger[level](level)
    expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual(['error', 'warn'])
    expect([logger.isEnabled('warn'), logger.isEnabled('info')]).toEqual([true, false])
  })

  it('describes an error with its stack, code and cause, and nothing else of it', () => {
    const { logger, lines } = logTo()
    const error = Object.assign(new Error('outer', { cause: new TypeError('inner') }), { code: '57P01', detail: 'row' })
    logger.error('failed', { error })
    const line = JSON.parse(lines[0]!) as { error: Record<string, unknown> }
    expect(line.error).toMatchObject({ name: 'Error', message: 'outer', code: '57P01', cause: { message: 'inner' } })
    expect(line.error['stack']).toContain('logger.test.ts')
    expect(lines[0]).not.toContain('row')
  })

  it('never holds a secret', () => {
    const { logger, lines } = logTo()
    logger.info('GET /sync?access_token=s3cret&since=1', {
      password: 's3cret',
      body: { text: 's3cret' },
      url: 'https://example.org/?loginToken=s3cret',
      header: 'Bearer s3cret',
      error: new Error('no answer from /x?access_token=s3cret'),
      count: 10n,
    })
    expect(lines[0]).not.toContain('s3cret')
    expect(JSON.parse(lines[0]!)).toMatchObject({
      message: 'GET /sync?access_token=<redacted>&since=1',
      password: '<redacted>',
      count: '10',
    })
  })

  it('can be for people', () => {
    const { logger, lines } = logTo({ pretty: true })
    logger.info('ready', { url: 'http://localhost', n: 1 })
    logger.error('failed', { error: new Error('why') })
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} .*info .* ready url=http:\/\/localhost n=1$/)
    expect(lines[1]).toContain('failed\nError: why\n    at ')
  })
})

describe('log lines to a descriptor', () => {
  function createFile() {
    const path = join(mkdtempSync(join(tmpdir(), 'hearth-log-')), 'log')
    const sink = new DescriptorSink(openSync(path, 'w'))
    return { sink, text: () => readFileSync(path, 'utf8') }
  }

  it('are written in order, together', async () => {
    const { sink, text } = createFile()
    sink.write('a')
    sink.write('ä')
    expect(text()).toBe('')
    await expect.poll(() => text()).toBe('a\nä\n')
    sink.write('b')
    await expect.poll(() => text()).toBe('a\nä\nb\n')
  })

  it('are written at once when the process is about to end', () => {
    const { sink, text } = createFile()
    sink.write('last words')
    sink.flush()
    expect(text()).toBe('last words\n')
  })

  it('are dropped and counted, and stop nobody, while the reader stands still', async () => {
    const script = `
      import { DescriptorSink } from ${JSON.stringify(new URL('log-lines.ts', import.meta.url).href)}
      const sink = new DescriptorSink(1)
      const start = performance.now()
      for (let i = 0; i < 200; i++) {
        sink.write('x'.repeat(100_000))
        await new Promise((resolve) => setImmediate(resolve))
      }
      process.stderr.write('not stopped')
    `
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    const [said] = (await once(child.stderr, 'data')) as [Buffer]
    expect(said.toString()).toBe('not stopped')
    let read = ''
    for await (const chunk of child.stdout) read += String(chunk)
    const lines = read.trimEnd().split('\n')
    const notes = lines
      .filter((line) => line.startsWith('{'))
      .map((line) => (JSON.parse(line) as { count: number }).count)
    const dropped = notes.reduce((sum, count) => sum + count, 0)
    expect(dropped).toBeGreaterThan(0)
    expect(lines.length - notes.length + dropped).toBe(200)
  })

  it('are given up when nobody can take them', () => {
    const sink = new DescriptorSink(-1)
    sink.write('x')
    expect(() => sink.flush()).not.toThrow()
  })
})
