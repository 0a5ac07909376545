// How passwords are kept: argon2id with OWASP's minimum cost, in PHC format.
// https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
import { hash, parseOptions, verify, type Options } from '@node-rs/argon2'
import { invalidParam, MatrixError } from '@hearth/protocol'
import { Semaphore } from '@hearth/runtime'

/** Longer ones are refused before anything is computed. */
const MAX_PASSWORD_LENGTH = 512
/** What may wait for its turn: about two seconds' worth. */
const MAX_WAITING = 100

/** What a hash costs. The algorithm is the library's default, argon2id. */
export type PasswordCost = Required<Pick<Options, 'memoryCost' | 'timeCost' | 'parallelism'>>

/** 19 MiB, two passes, one lane. */
const defaultCost: PasswordCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }
/** `Algorithm.Argon2id`, which is a const enum that isolated modules cannot read. */
const ARGON2ID = 2

/**
 * Hashes and checks passwords in the thread pool, one at a time, so that neither the event loop nor everything else that
 * needs the pool waits for a crowd that logs in.
 */
export class Passwords {
  readonly #cost: PasswordCost
  readonly #turns = new Semaphore({ name: 'password hashing', permits: 1, maxWaiting: MAX_WAITING })

  /** @param cost of new hashes; for tests, which register thousands of accounts. */
  constructor(cost: PasswordCost = defaultCost) {
    this.#cost = cost
  }

  /**
   * The hash to keep of a password that somebody has chosen.
   * @throws MatrixError M_WEAK_PASSWORD for none, M_INVALID_PARAM for more than 512 characters; Unavailable when too many
   * are waiting.
   */
  async hash(password: string): Promise<string> {
    checkNewPassword(password)
    return this.#hash(normalize(password))
  }

  /**
   * Whether a password belongs to a hash. Without a hash, as for an account that does not exist, it is false and takes
   * the same time.
   * @throws MatrixError M_INVALID_PARAM for more than 512 characters; Unavailable when too many are waiting.
   */
  async verify(passwordHash: string | null | undefined, password: string): Promise<boolean> {
    checkLength(password)
    const normalized = normalize(password)
    if (typeof passwordHash === 'string') return this.#turns.run(() => verify(passwordHash, normalized))
    await this.#hash(normalized)
    return false
  }

  /** Whether a hash was made with another cost than hashes are made with now. */
  isOutdated(passwordHash: string): boolean {
    const options = parseOptions(passwordHash)
    return (
      (options.algorithm as number) !== ARGON2ID ||
      options.memoryCost !== this.#cost.memoryCost ||
      options.timeCost !== this.#cost.timeCost ||
      options.parallelism !== this.#cost.parallelism
    )
  }

  #hash(normalized: string): Promise<string> {
    return this.#turns.run(() => hash(normalized, this.#cost))
  }
}

/** Refuses what cannot become a password, without computing anything. */
function checkNewPassword(password: string): void {
  checkLength(password)
  if (password === '') throw new MatrixError('M_WEAK_PASSWORD', 'The password is empty')
}

function checkLength(password: string): void {
  if (password.length > MAX_PASSWORD_LENGTH) {
    throw invalidParam(`The password has more than ${MAX_PASSWORD_LENGTH} characters`)
  }
}

/** One spelling for what looks the same, since keyboards differ in how they compose characters. */
function normalize(password: string): string {
  return password.normalize('NFKC')
}
