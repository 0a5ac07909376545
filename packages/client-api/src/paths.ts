/** Where an endpoint of today's API is served. The prefix it had before version 1.1, `r0`, is an alias of the transport. */
export function v3(path: string): string {
  return `/_matrix/client/v3${path}`
}

/** Where an endpoint of today's API is served that was not there before version 1.1. */
export function v1(path: string): string {
  return `/_matrix/client/v1${path}`
}

/** Where an endpoint is served that the founding API had in the same form. */
export function v3AndFounding(path: string): readonly string[] {
  return [v3(path), founding(path)]
}

/** Where an endpoint of the founding API is served. */
export function founding(path: string): string {
  return `/_matrix/client/api/v1${path}`
}

/** Where an endpoint is served that is only proposed for the specification, under the name of its proposal. */
export function unstable(proposal: string, path: string): string {
  return `/_matrix/client/unstable/${proposal}${path}`
}
