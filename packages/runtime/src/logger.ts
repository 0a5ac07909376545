import winston from 'winston'
import { DescriptorSink, type LineSink } from './log-lines.ts'
import { redactField, redactText } from './redact.ts'

/** From the gravest to the most talkative. */
export const logLevels = ['error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]

/** What a line says besides its message. Never a token, a secret or what people wrote to each other. */
export type LogFields = Readonly<Record<string, unknown>>

/** Structured logging. A message is a constant text; what varies goes into fields. */
export interface Logger {
  error(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
  /** Tells whether lines of this level are written, for fields that are costly to make. */
  isEnabled(level: LogLevel): boolean
  /** A logger that adds these fields to each line. */
  child(fields: LogFields): Logger
  /** Writes what is held back, before the process ends. */
  flush(): void
}

export interface LoggerOptions {
  readonly level: LogLevel
  /** Lines for people instead of JSON; standard output being a terminal decides when absent. */
  readonly pretty?: boolean
  /** Where lines go; standard output when absent. */
  readonly sink?: LineSink
}

// Where winston and its transports keep a line's level and its finished text (the keys of the `triple-beam` package).
const LEVEL = Symbol.for('level')
const MESSAGE = Symbol.for('message')

type Transport = winston.Logger['transports'][number]
type TransportOptions = { log(line: Record<symbol, string>, next: () => void): void }

// winston exports this class, but its types only as one that cannot be constructed.
const { Transport } = winston as unknown as { Transport: new (options: TransportOptions) => Transport }

function lineTransport(sink: LineSink): Transport {
  return new Transport({
    log(line, next) {
      sink.write(line[MESSAGE]!)
      next()
    },
  })
}

class WinstonLogger implements Logger {
  readonly #winston: winston.Logger
  readonly #sink: LineSink
  readonly #threshold: number
  readonly #fields: LogFields

  constructor(deps: { winston: winston.Logger; sink: LineSink; threshold: number; fields: LogFields }) {
    this.#winston = deps.winston
    this.#sink = deps.sink
    this.#threshold = deps.threshold
    this.#fields = deps.fields
  }

  error(message: string, fields?: LogFields): void {
    this.#write(0, message, fields)
  }

  warn(message: string, fields?: LogFields): void {
    if (this.#threshold >= 1) this.#write(1, message, fields)
  }

  info(message: string, fields?: LogFields): void {
    if (this.#threshold >= 2) this.#write(2, message, fields)
  }

  debug(message: string, fields?: LogFields): void {
    if (this.#threshold >= 3) this.#write(3, message, fields)
  }

  isEnabled(level: LogLevel): boolean {
    return logLevels.indexOf(level) <= this.#threshold
  }

  child(fields: LogFields): Logger {
    return new WinstonLogger({
      winston: this.#winston,
      sink: this.#sink,
      threshold: this.#threshold,
      fields: { ...this.#fields, ...fields },
    })
  }

  flush(): void {
    this.#sink.flush()
  }

  #write(rank: number, message: string, fields: LogFields | undefined): void {
    const level = logLevels[rank]!
    const line: Record<string, unknown> = { time: new Date().toISOString(), level, message: redactText(message) }
    for (const name in this.#fields) line[name] = redactField(name, this.#fields[name])
    for (const name in fields) line[name] = redactField(name, fields[name])
    this.#winston.write(Object.assign(line, { [LEVEL]: level }))
  }
}

const jsonLine = winston.format((line) => {
  line[MESSAGE] = JSON.stringify(line)
  return line
})

const LEVEL_COLORS: Readonly<Record<string, number>> = { error: 31, warn: 33, info: 32, debug: 34 }

const prettyLine = winston.format((line) => {
  const { time, level, message, error, ...fields } = line as Record<string, unknown> & { level: string }
  const facts = Object.entries(fields).map(([name, value]) => ` ${name}=${shown(value)}`)
  const { stack } = (error ?? {}) as { stack?: string }
  const head = `${String(time).slice(11, 23)} \u001b[${LEVEL_COLORS[level]}m${level.padEnd(5)}\u001b[0m ${String(message)}`
  line[MESSAGE] = head + facts.join('') + (error === undefined ? '' : `\n${stack ?? shown(error)}`)
  return line
})

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')
}

/** Creates the process's logger, on winston. */
export function createLogger(options: LoggerOptions): Logger {
  const sink = options.sink ?? new DescriptorSink(1)
  const pretty = options.pretty ?? process.stdout.isTTY
  const logger = winston.createLogger({
    level: options.level,
    levels: Object.fromEntries(logLevels.map((level, rank) => [level, rank])),
    format: pretty ? prettyLine() : jsonLine(),
    transports: [lineTransport(sink)],
    exitOnError: false,
  })
  return new WinstonLogger({ winston: logger, sink, threshold: logLevels.indexOf(options.level), fields: {} })
}
