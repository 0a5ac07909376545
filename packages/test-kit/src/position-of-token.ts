/** The stream position that a sync token names, whatever else the token says. */
export function positionOfToken(token: string | undefined): number {
  return Number.parseInt(token?.slice(1) ?? '', 10)
}
