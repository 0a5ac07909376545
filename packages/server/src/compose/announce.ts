import { registrationLink } from '@hearth/client-api'
import type { RegistrationTokens } from '@hearth/core'
import type { Logger } from '@hearth/runtime'
import type { Config } from '../generated/config.ts'
import { hearthVersion } from '../version.ts'
import type { OpenedStore } from './open-store.ts'

/** Says that requests are served, and how the first account is created as long as there is none. */
export async function announce(
  config: Config,
  deps: {
    readonly kind: OpenedStore['kind']
    readonly urls: readonly string[]
    readonly tokens: RegistrationTokens
    readonly logger: Logger
  },
): Promise<void> {
  const { kind, urls, tokens, logger } = deps
  const { serverName, publicUrl, registration } = config
  logger.info(`ready server_name=${serverName} url=${urls.join(',')} database=${kind} version=${hearthVersion()}`)
  const token = registration.mode === 'token' ? await tokens.firstAccountToken() : undefined
  if (token === undefined) return
  const link = registrationLink(publicUrl, token)
  // A colon, because the logger takes what follows `token=` for a secret that got into a log by mistake.
  logger.info(`the first account, an administrator, is created with registration_token: ${token} or at ${link}`)
}
