import { randomBytes } from 'node:crypto'

const pattern = /^[0-9a-f]{2}\/[0-9a-f]{2}\/[0-9a-f]{64}-[0-9a-f]{16}$/

/** A new location for a content: whoever looks can tell by its name whether the bytes are what they should be. */
export function newLocation(hash: Buffer): string {
  const name = hash.toString('hex')
  return `${name.slice(0, 2)}/${name.slice(2, 4)}/${name}-${randomBytes(8).toString('hex')}`
}

/** Whether a path is a location, rather than something else that somebody has put there. */
export function isLocation(path: string): boolean {
  return pattern.test(path)
}
