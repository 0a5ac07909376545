import { matchesGlob, type JsonObject, type JsonValue } from '@hearth/protocol'

const ipv6 = /^\[/
const ipv4 = /^\d{1,3}(\.\d{1,3}){3}$/

/**
 * Whether the content of an `m.room.server_acl` event lets a server take part in the room. Its port does not count.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#mroomserver_acl}
 */
export function aclAllows(content: JsonObject, serverName: string): boolean {
  const host = serverName.replace(/:\d{1,5}$/, '').toLowerCase()
  const isLiteral = ipv6.test(host) || ipv4.test(host)
  if (isLiteral && content['allow_ip_literals'] === false) return false
  if (listMatches(content['deny'], host)) return false
  return listMatches(content['allow'], host)
}

function listMatches(list: JsonValue | undefined, host: string): boolean {
  if (!Array.isArray(list)) return false
  return list.some((pattern) => typeof pattern === 'string' && matchesGlob(pattern.toLowerCase(), host))
}
