import type { JsonObject } from '@hearth/protocol'

export type WriteKind = 'message' | 'state' | 'redaction' | 'account data' | 'membership' | 'room'

/** Something that a client wants written, and what it was told about it. Repeating the request changes nothing. */
export interface Write {
  readonly uuid: string
  readonly kind: WriteKind
  /** Who asks. */
  readonly userId: string
  readonly method: 'PUT' | 'POST'
  readonly path: string
  readonly body: JsonObject
  /** The room; absent for account data of no room and for new rooms. */
  readonly roomId?: string
  /** The write whose event a redaction redacts. */
  readonly redacts?: Write
  /** The type of account data. */
  readonly dataType?: string
  /** How often the request was sent. Each attempt but the acknowledged ones may or may not have been carried out. */
  attempts: number
  /** Answers of 200: one, but for requests that were sent twice at once. */
  acknowledgments: number
  /** What the answer gave: an event id or a room id. */
  result: string | undefined
}

/** What the clients asked for, in memory of a process that survives: written before each request, and at each answer. */
export class Journal {
  readonly writes: Write[] = []
  /** Answers that no fault excuses. */
  readonly problems: string[] = []
  /** Refusals with 503, by what they were for. */
  refusals = 0
  /** Requests that were cut off. */
  cuts = 0

  begin(write: Omit<Write, 'attempts' | 'acknowledgments' | 'result'>): Write {
    const entry = { ...write, attempts: 0, acknowledgments: 0, result: undefined }
    this.writes.push(entry)
    return entry
  }

  acknowledge(write: Write, result: string | undefined): void {
    write.acknowledgments += 1
    if (write.acknowledgments > 1 && write.result !== result) {
      this.problems.push(`${write.kind} ${write.uuid} was answered with ${write.result} and with ${result}`)
    }
    write.result = result
  }
}
