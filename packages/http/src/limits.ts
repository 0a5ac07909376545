/** What a client can take of the server. Times in milliseconds. */
export interface HttpLimits {
  /** A body that no endpoint says otherwise of, in bytes. */
  readonly maxBodyBytes: number
  /** What bodies may take together as long as their requests go on, in bytes. */
  readonly maxBodiesBytes: number
  /** What those of one address may take, a /64 for IPv6: enough for a proxy that is not among the trusted ones. */
  readonly maxBodiesBytesPerAddress: number
  /** How deep JSON in a request may be nested. */
  readonly maxJsonDepth: number
  /** The request line and all headers, in bytes. */
  readonly maxHeaderBytes: number
  readonly maxHeaders: number
  /** From the connection, or the last answer's end, to the end of the headers. */
  readonly headersTimeoutMs: number
  /** From the headers to the end of the body. */
  readonly bodyTimeoutMs: number
  /** How long a handler that says nothing else may take. */
  readonly handlerTimeoutMs: number
  /** How long a client may take for an answer, plus a second for each `minBytesPerSecond` of it. */
  readonly writeTimeoutMs: number
  readonly minBytesPerSecond: number
  /** How long a client that is still sending is listened to when it has its answer, before the connection is closed. */
  readonly lingerMs: number
  /** How long an idle connection is kept: longer than proxies keep theirs, or they write into one that is closing. */
  readonly keepAliveTimeoutMs: number
  /** How often deadlines are looked at. */
  readonly checkIntervalMs: number
  readonly maxConnections: number
  /** Connections of one address, a /64 for IPv6. Trusted proxies are exempt. */
  readonly maxConnectionsPerAddress: number
  /** How long requests may go on after the server has begun to stop. */
  readonly stopTimeoutMs: number
}

export const defaultLimits: HttpLimits = {
  maxBodyBytes: 1024 * 1024,
  maxBodiesBytes: 512 * 1024 * 1024,
  maxBodiesBytesPerAddress: 128 * 1024 * 1024,
  maxJsonDepth: 64,
  maxHeaderBytes: 16 * 1024,
  maxHeaders: 100,
  headersTimeoutMs: 15_000,
  bodyTimeoutMs: 60_000,
  handlerTimeoutMs: 60_000,
  writeTimeoutMs: 30_000,
  minBytesPerSecond: 16 * 1024,
  lingerMs: 2_000,
  keepAliveTimeoutMs: 65_000,
  checkIntervalMs: 1_000,
  maxConnections: 16_000,
  maxConnectionsPerAddress: 1_000,
  stopTimeoutMs: 5_000,
}
