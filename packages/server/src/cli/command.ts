import type { ParseArgsOptionsConfig } from 'node:util'
import type { Logger } from '@hearth/runtime'
import type { BackupManifest } from '@hearth/store'
import type { Environment } from '../config/read-environment.ts'
import type { NamedFinding } from '../doctor/examine.ts'
import type { Config } from '../generated/config.ts'

/** A server that serves. */
export interface RunningServer {
  /** Stops accepting, finishes what runs, writes what is owed and closes the database. */
  stop(): Promise<void>
  /** Reads the certificate files again. */
  reload(): Promise<void>
}

/** An account as `create-user` asks for it. */
export interface NewAccount {
  /** The name, without `@` and server. */
  readonly localpart: string
  readonly password: string
  readonly admin: boolean
}

/** A registration token as `create-token` asks for it. */
export interface NewToken {
  /** How many accounts may be registered with it; any number when absent. */
  readonly uses?: number
  /** For how long, in milliseconds; for ever when absent. */
  readonly validForMs?: number
}

/** A registration token, and where a person registers with it. */
export interface TokenAndLink {
  readonly token: string
  readonly link: string
}

/** The ids of two signing keys. */
export interface KeyRotation {
  readonly retired: string
  readonly current: string
}

/** What the commands have the server do: the composition root. */
export interface ServerActions {
  startServer(config: Config, logger: Logger): Promise<RunningServer>
  /** Brings the database to this release's schema. Gives the names of the migrations that were run. */
  migrateDatabase(config: Config, logger: Logger): Promise<readonly string[]>
  /** Creates an account and gives its user id. */
  createAccount(config: Config, logger: Logger, account: NewAccount): Promise<string>
  /** Creates a registration token. */
  createToken(config: Config, logger: Logger, token: NewToken): Promise<TokenAndLink>
  /** Has the server sign with a new key from its next start on. */
  rotateKey(config: Config, logger: Logger): Promise<KeyRotation>
  /** Backs the deployment up into a new or empty directory, while it runs or not. */
  backUp(config: Config, logger: Logger, directory: string): Promise<BackupManifest>
  /** Fills a new deployment from a backup. */
  restore(config: Config, logger: Logger, directory: string): Promise<BackupManifest>
  /** Looks for what is wrong with the deployment, from outside in. */
  diagnose(config: Config, logger: Logger): Promise<readonly NamedFinding[]>
}

/** The process a command runs in. */
export interface CommandContext {
  readonly environment: Environment
  readonly workingDirectory: string
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  readonly actions: ServerActions
}

/** The options and words after a command's name. */
export interface CommandArguments {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>
  readonly positionals: readonly string[]
}

/** One command of `scripts/hearth`. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What follows the command's name, such as `NAME [--admin]`. */
  readonly usage: string
  /** What `--help` says further: the options and what they do. */
  readonly details: string
  readonly options: ParseArgsOptionsConfig
  /** The names of the words that must follow. */
  readonly positionals: readonly string[]
  /** Runs the command and gives the exit status. */
  run(args: CommandArguments, context: CommandContext): Promise<number>
}

/** The command was called in a way that it does not understand. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
