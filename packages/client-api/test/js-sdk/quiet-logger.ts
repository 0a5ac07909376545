// To be imported before anything else of the SDK: its modules take hold of the logger as they are loaded.
import type { ICreateClientOpts } from 'matrix-js-sdk'
import { logger } from 'matrix-js-sdk/lib/logger.js'

type Logger = NonNullable<ICreateClientOpts['logger']>

function ignore(): void {
  // What the SDK says of itself is not what the tests look at.
}

/** A logger for clients that says nothing. */
export const quiet: Logger = {
  getChild: () => quiet,
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
}

// Where the SDK logs past the logger of a client.
Object.assign(logger, quiet, { log: ignore })
