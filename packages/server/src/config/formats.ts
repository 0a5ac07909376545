import { isIP, isIPv4 } from 'node:net'
import { isServerName, isUserId } from '@hearth/protocol'

/** The string formats of `schemas/config.json`: what a setting must look like beyond being a text. */
export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  'mx-server-name': isServerName,
  'mx-user-id': isUserId,
  'server-pattern': (text) => /^[\w.:[\]*?-]+$/.test(text),
  'http-url': (text) => isUrl(text, ['http:', 'https:'], (url) => url.search === '' && url.hash === ''),
  'listen-url': (text) => isUrl(text, ['http:', 'https:'], isBareOrigin),
  'http-listen-url': (text) => isUrl(text, ['http:'], isBareOrigin),
  // Looser than a URL: PostgreSQL's own tools take an empty host beside a user, for a Unix socket.
  'postgres-url': (text) => /^postgres(ql)?:\/\/\S*$/.test(text),
  'redis-url': (text) => isUrl(text, ['redis:', 'rediss:']),
  'smtp-url': (text) => isUrl(text, ['smtp:', 'smtps:']),
  'byte-size': (text) => /^[1-9]\d{0,11}[KMG]?$/.test(text),
  'turn-uri': (text) => /^(turn|turns|stun|stuns):[^\s]+$/.test(text),
  email: (text) => /^[^\s@<>]+@[^\s@<>]+$/.test(text),
  'mail-address': (text) => /^[^\s@]+@[^\s@]+$/.test(text) || /^[^<>\r\n]*<[^\s@<>]+@[^\s@<>]+>$/.test(text),
  'address-range': isAddressRange,
  file: isPath,
  directory: isPath,
}

function isUrl(text: string, protocols: readonly string[], check: (url: URL) => boolean = () => true): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  return protocols.includes(url.protocol) && check(url)
}

function isBareOrigin(url: URL): boolean {
  const isHost = /^([\w.-]+|\[[\da-f:.]+\])$/i.test(url.hostname)
  return (
    isHost && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  )
}

function isAddressRange(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true
  const [address = '', bits, ...more] = text.split('/')
  if (isIP(address) === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128))
}

function isPath(text: string): boolean {
  return text !== '' && !text.includes('\0')
}
