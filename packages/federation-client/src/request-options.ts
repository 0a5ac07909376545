/** What any request to another server takes. */
export interface RequestOptions {
  /** Ends the request, with the signal's reason. */
  readonly signal?: AbortSignal
  /** How long it may take altogether, in milliseconds; the operation's own limit when absent. */
  readonly deadlineMs?: number
  /** Asks even a server that is being left alone because it failed before: when a person waits for the answer. */
  readonly ignoreBackOff?: boolean
}
