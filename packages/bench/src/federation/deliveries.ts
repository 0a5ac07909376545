import type { FakePeer } from '@hearth/test-kit'

interface Awaited {
  readonly missing: Set<string>
  readonly done: () => void
}

/** Notes what arrives at other servers, by the texts of messages. */
export class Deliveries {
  readonly #peers: readonly FakePeer[]
  readonly #awaited = new Map<string, Awaited>()
  /** How many transactions came, whatever was in them. */
  transactions = 0

  constructor(peers: readonly FakePeer[]) {
    this.#peers = peers
    for (const peer of peers) {
      peer.on('PUT', /\/federation\/v1\/send\//, ({ text }) => {
        this.transactions++
        for (const [marker, awaited] of this.#awaited) {
          if (text.includes(marker) && awaited.missing.delete(peer.name) && awaited.missing.size === 0) awaited.done()
        }
        return { pdus: {} }
      })
    }
  }

  /** Waits until a message whose text has `marker` in it is at every server. To be called before it is sent. */
  async everywhere(marker: string, limitMs: number): Promise<void> {
    const missing = new Set<string>(this.#peers.map(({ name }) => name))
    let timer: NodeJS.Timeout | undefined
    try {
      await new Promise<void>((done, reject) => {
        this.#awaited.set(marker, { missing, done })
        const late = () => reject(new Error(`${missing.size} of ${this.#peers.length} servers did not get an event`))
        timer = setTimeout(late, limitMs)
      })
    } finally {
      clearTimeout(timer)
      this.#awaited.delete(marker)
    }
  }
}
