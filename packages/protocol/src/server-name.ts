import type { Branded } from './branded.ts'

/** `hostname[:port]`, case-sensitive. {@link https://spec.matrix.org/v1.19/appendices/#server-name} */
export type ServerName = Branded<'ServerName'>

const MAX_PORT = 65_535
const grammar = /^(?<host>[0-9A-Za-z.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?<port>[0-9]{1,5}))?$/
const dottedQuad = /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/
const hexGroup = /^[0-9A-Fa-f]{1,4}$/

/** Whether this may be the name of a server: a DNS name, an IPv4 address or an IPv6 address in brackets, and a port. */
export function isServerName(name: string): name is ServerName {
  const { host, port } = grammar.exec(name)?.groups ?? {}
  if (host === undefined) return false
  if (port !== undefined && Number(port) > MAX_PORT) return false
  if (host.startsWith('[')) return isIpv6Address(host.slice(1, -1))
  return !dottedQuad.test(host) || isIpv4Address(host)
}

function isIpv4Address(text: string): boolean {
  return dottedQuad.test(text) && text.split('.').every((octet) => Number(octet) <= 255)
}

/** RFC 3513, section 2.2: eight groups, `::` standing for one run of zeros, the last two possibly in dotted form. */
function isIpv6Address(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  const last = groups.at(-1)
  const dotted = last !== undefined && !text.endsWith('::') && isIpv4Address(last)
  const hexGroups = dotted ? groups.slice(0, -1) : groups
  if (!hexGroups.every((group) => hexGroup.test(group))) return false
  const count = hexGroups.length + (dotted ? 2 : 0)
  return halves.length === 2 ? count < 8 : count === 8
}
