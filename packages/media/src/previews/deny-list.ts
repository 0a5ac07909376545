import { matchesGlob } from '@hearth/protocol'

/** Hosts of the web that are not visited: names with `*` for any characters, such as `*.example.org`. */
export class DenyList {
  readonly #hosts: readonly string[]

  constructor(hosts: readonly string[]) {
    this.#hosts = hosts.map((host) => host.toLowerCase())
  }

  allows({ hostname }: URL): boolean {
    const host = hostname.replace(/\.$/, '')
    return !this.#hosts.some((pattern) => matchesGlob(pattern, host))
  }
}
