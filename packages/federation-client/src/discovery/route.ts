/** How a server is reached. {@link https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names} */
export interface Route {
  /** A host name, or an IP address without brackets. */
  readonly host: string
  readonly port: number
  /** The `Host` header. */
  readonly hostHeader: string
  /** The host name or IP address for which the certificate must be. A host name is sent as SNI as well. */
  readonly certificateName: string
}
