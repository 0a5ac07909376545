import type { Config } from '../generated/config.ts'

/** Where a setting comes from, for messages; a setting that nobody set has its default. */
export type OriginOf = (key: string) => string

/** Finds settings that are each allowed and make no sense together. */
export function contradictions(config: Config, originOf: OriginOf): string[] {
  const { tls, mail, media, turn, recaptcha, roles, redisUrl, databaseUrl } = config
  const problems: string[] = []

  const together = (settings: Readonly<Record<string, unknown>>) => {
    const isSet = (key: string) => settings[key] !== undefined
    const set = Object.keys(settings).filter(isSet)
    for (const missing of Object.keys(settings).filter((key) => !isSet(key))) {
      for (const key of set) problems.push(`${originOf(key)}: ${key}: needs ${missing} as well`)
    }
  }
  together({ 'tls.certificate': tls.certificate, 'tls.private_key': tls.privateKey })
  together({ 'mail.smtp_url': mail.smtpUrl, 'mail.from': mail.from })
  const { bucket, endpoint, accessKeyId, secretAccessKey } = media.s3
  together({ 'media.s3.access_key_id': accessKeyId, 'media.s3.secret_access_key': secretAccessKey })
  for (const [key, value] of Object.entries({ 'media.s3.endpoint': endpoint, 'media.s3.access_key_id': accessKeyId })) {
    if (value !== undefined && bucket === undefined)
      problems.push(`${originOf(key)}: ${key}: needs media.s3.bucket as well`)
  }
  together({ 'turn.uris': turn.uris[0], 'turn.shared_secret': turn.sharedSecret })
  together({ 'recaptcha.public_key': recaptcha.publicKey, 'recaptcha.private_key': recaptcha.privateKey })

  const secure = config.listen.find((url) => url.startsWith('https:'))
  if (secure && !tls.certificate) {
    problems.push(`${originOf('listen')}: listen: ${secure} needs tls.certificate and tls.private_key`)
  }
  if (roles.length > 1 && roles.includes('all')) {
    problems.push(`${originOf('roles')}: roles: "all" stands for every role; name it alone, or the others without it`)
  }
  if (redisUrl !== undefined && databaseUrl === undefined) {
    problems.push(
      `${originOf('redis_url')}: redis_url: is for several processes, and the embedded database is one process's own; set database_url as well`,
    )
  }
  if (redisUrl === undefined && !roles.includes('all')) {
    problems.push(`${originOf('roles')}: roles: a part of the server runs beside other processes, which need redis_url`)
  }
  return problems
}
