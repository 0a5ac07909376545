/** Names of fields whose value never belongs in a log, however they came to be there. */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  'access_token',
  'accessToken',
  'authorization',
  'body',
  'client_secret',
  'clientSecret',
  'content',
  'loginToken',
  'mac',
  'newPassword',
  'new_password',
  'password',
  'privateKey',
  'refresh_token',
  'refreshToken',
  'registrationToken',
  'secret',
  'sharedSecret',
  'shared_secret',
  'token',
])

const SECRET_IN_TEXT = /((?:access_token|refresh_token|loginToken|client_secret|token)=|Bearer )[^&\s"']+/gi

/** Replaces the secrets that URLs and headers carry in a text: `?access_token=…`, `Bearer …`. */
export function redactText(text: string): string {
  return text.includes('oken=') || text.includes('secret=') || text.includes('earer ')
    ? text.replace(SECRET_IN_TEXT, '$1<redacted>')
    : text
}

/** What an error tells a log: not its other properties, which may hold rows or parameters. */
function describeError(error: Error): Record<string, unknown> {
  const { code } = error as { code?: unknown }
  return {
    name: error.name,
    message: redactText(error.message),
    ...(code !== undefined && { code }),
    ...(error.stack !== undefined && { stack: redactText(error.stack) }),
    ...(error.cause instanceof Error && { cause: describeError(error.cause) }),
  }
}

/** A log field as it may be written. */
export function redactField(name: string, value: unknown): unknown {
  if (SECRET_FIELDS.has(name)) return '<redacted>'
  if (typeof value === 'string') return redactText(value)
  if (value instanceof Error) return describeError(value)
  if (typeof value === 'bigint') return String(value)
  return value
}
