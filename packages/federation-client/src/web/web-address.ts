import { AddressRefused } from '../network/address-refused.ts'

/** Below, all ports are those of other services. */
const FIRST_USER_PORT = 1024
const webPorts: ReadonlySet<number> = new Set([80, 443])

/**
 * Ports above 1024 of services that must not be sent what looks like a request: those that browsers refuse, and what
 * usually listens inside of a network only.
 * {@link https://fetch.spec.whatwg.org/#port-blocking}
 */
const portsOfOthers: ReadonlySet<number> = new Set([
  1433, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432,
  5672, 5900, 5984, 6000, 6379, 6443, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 7000, 7001, 9042, 9092, 9200,
  9300, 10080, 10250, 11211, 27017, 27018, 50000,
])

/**
 * Checks a URL by itself: http or https, no user name or password, a port on which there may be a web server.
 * @throws AddressRefused
 */
export function checkWebAddress(url: URL, { httpsOnly }: { httpsOnly: boolean }): void {
  if (url.protocol !== 'https:' && (httpsOnly || url.protocol !== 'http:')) {
    throw new AddressRefused(`only ${httpsOnly ? 'https' : 'http and https'} addresses are fetched`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new AddressRefused('addresses with a user name or a password are not fetched')
  }
  const port = portOf(url)
  if (portsOfOthers.has(port) || (port < FIRST_USER_PORT && !webPorts.has(port))) {
    throw new AddressRefused(`nothing is fetched from port ${port}`)
  }
}

/** The port of an http or https URL. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  return url.protocol === 'https:' ? 443 : 80
}
