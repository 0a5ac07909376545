/**
 * The header with which servers sign their requests, in every form that servers send it.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#request-authentication}
 */

/** What one `Authorization: X-Matrix` header says. Nothing of it has been checked. */
export interface XMatrixHeader {
  readonly origin: string
  /** Absent from servers that are older than version 1.3 of the specification. */
  readonly destination: string | undefined
  readonly key: string
  readonly sig: string
}

const scheme = /^x-matrix +/i
// RFC 9110, section 5.6.2; section 5.6.4 for quoted strings. Values without quotes may hold what servers forget to quote:
// colons, and the characters of base64 and of IPv6 addresses.
const parameter = /[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",\\]+))[ \t]*(?:,|$)/y
const nothing = /[ \t]*(?:,|$)/y
const maxParameters = 20

/** Reads the value of an Authorization header; `undefined` if it is malformed or of another scheme. */
export function parseXMatrixHeader(value: string): XMatrixHeader | undefined {
  const start = scheme.exec(value)?.[0].length
  if (start === undefined) return undefined
  const parameters = parseParameters(value, start)
  const origin = parameters?.get('origin')
  const key = parameters?.get('key')
  const sig = parameters?.get('sig')
  if (origin === undefined || key === undefined || sig === undefined) return undefined
  return { origin, destination: parameters?.get('destination'), key, sig }
}

/** The parameters by their names in lower case; `undefined` if one is malformed or there twice. */
function parseParameters(value: string, start: number): Map<string, string> | undefined {
  const parameters = new Map<string, string>()
  let at = start
  for (let count = 0; at < value.length; count++) {
    if (count === maxParameters) return undefined
    nothing.lastIndex = at
    if (nothing.test(value)) {
      at = nothing.lastIndex
      continue
    }
    parameter.lastIndex = at
    const [, name, quoted, bare] = parameter.exec(value) ?? []
    if (name === undefined || parameters.has(name.toLowerCase())) return undefined
    parameters.set(name.toLowerCase(), bare ?? quoted!.replace(/\\(.)/g, '$1'))
    at = parameter.lastIndex
  }
  return parameters
}
