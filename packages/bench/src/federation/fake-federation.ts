import { FakePeer, TestCa, type IssuedCertificate } from '@hearth/test-kit'

/** The other servers of a benchmark: all on this machine, with certificates of an authority that the measured server trusts. */
export class FakeFederation {
  readonly #ca: TestCa
  readonly #certificate: IssuedCertificate
  readonly #peers: FakePeer[] = []

  private constructor(ca: TestCa, certificate: IssuedCertificate) {
    this.#ca = ca
    this.#certificate = certificate
  }

  static async create(): Promise<FakeFederation> {
    const ca = await TestCa.create()
    return new FakeFederation(ca, await ca.issue('127.0.0.1'))
  }

  /** The file with the authority's certificate. */
  get caFile(): string {
    return this.#ca.caFile
  }

  /** Starts so many servers. */
  async start(count: number): Promise<FakePeer[]> {
    const peers: FakePeer[] = []
    for (let started = 0; started < count; started++) {
      peers.push(await FakePeer.start({ ca: this.#ca, certificate: this.#certificate }))
    }
    this.#peers.push(...peers)
    return peers
  }

  /** Ends servers that are needed no longer. */
  async end(peers: readonly FakePeer[]): Promise<void> {
    await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()))
    for (const peer of peers) this.#peers.splice(this.#peers.indexOf(peer), 1)
  }

  async stop(): Promise<void> {
    await this.end([...this.#peers])
    await this.#ca[Symbol.asyncDispose]()
  }
}
