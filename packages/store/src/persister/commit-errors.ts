import { Unavailable } from '@hearth/runtime'

/**
 * The connection was lost while a commit was under way: it may have happened or not. Never repeat such a commit as it
 * is; a caller with a client transaction may rebuild and retry, because the transaction row tells the two cases apart.
 */
export class CommitUnknown extends Unavailable {
  constructor(cause: unknown) {
    super('the database connection was lost during a commit: its outcome is unknown', { cause })
  }
}

/** The persister's queue is full, or it is stopping: nothing was written and the caller should back off. */
export class PersisterOverloaded extends Unavailable {}
