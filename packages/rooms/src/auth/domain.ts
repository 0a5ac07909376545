/** The part of an identifier after its first colon; the empty string where there is none, as in newer room ids. */
export function domainOf(id: string): string {
  const colon = id.indexOf(':')
  return colon === -1 ? '' : id.slice(colon + 1)
}
