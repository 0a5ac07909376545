import { randomBytes } from 'node:crypto'
import { sha256 } from '@hearth/crypto'

/**
 * What each kind of token begins with: it lets tools that look for leaked secrets recognize one, and none is taken for one
 * of another kind.
 */
const prefixes = { access: 'hearth', refresh: 'hearthr', login: 'hearthl', openid: 'heartho' } as const

export type TokenKind = keyof typeof prefixes

/** A new token: 256 random bits. */
export function generateToken(kind: TokenKind): string {
  return `${prefixes[kind]}_${randomBytes(32).toString('base64url')}`
}

/** What is kept of a token; undefined for a text that is no token of this kind. */
export function tokenHash(kind: TokenKind, token: string): Buffer | undefined {
  const start = `${prefixes[kind]}_`
  return token.startsWith(start) && /^[A-Za-z0-9_-]{43}$/.test(token.slice(start.length)) ? sha256(token) : undefined
}
