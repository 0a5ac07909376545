/** A bounded number of attempts per key, which come back with time. */
export interface AttemptLimiter {
  /** Takes one attempt. @throws MatrixError M_LIMIT_EXCEEDED when there is none left. */
  take(key: string): Promise<void>
  /** Gives an attempt back. */
  giveBack(key: string): Promise<void>
}

/** The limits of wrong passwords. */
export interface LoginLimits {
  /** Keyed by what somebody claims to be called. */
  readonly perAccount: AttemptLimiter
  /** Keyed by the client's address. */
  readonly perAddress: AttemptLimiter
}
