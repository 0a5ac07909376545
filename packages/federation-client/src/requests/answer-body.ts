import type { IncomingMessage } from 'node:http'
import { TimeSlice, type Clock } from '@hearth/runtime'
import { InvalidAnswer } from '../server-unreachable.ts'
import type { Phases } from './phases.ts'

export interface AnswerBodyOptions {
  readonly phases: Phases
  /** How long each part may take, in milliseconds. */
  readonly idleMs: number
  readonly maxBytes: number
  readonly clock: Clock
  readonly anyEncoding?: boolean
}

/**
 * The parts of an answer's body as they arrive. The connection is closed unless all of it is read.
 * @throws InvalidAnswer when it is too long or, unless `anyEncoding` says that whoever reads it decompresses it, compressed,
 *   which nobody asked for
 */
export async function* answerBody(
  response: IncomingMessage,
  { phases, idleMs, maxBytes, clock, anyEncoding = false }: AnswerBodyOptions,
): AsyncGenerator<Buffer, undefined> {
  const { signal } = phases
  const onAbort = (): void => void response.destroy(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    signal.throwIfAborted()
    if (!anyEncoding && !['identity', undefined].includes(response.headers['content-encoding'])) {
      throw new InvalidAnswer('it is compressed')
    }
    if (Number(response.headers['content-length'] ?? 0) > maxBytes) throw new InvalidAnswer('it is too long')
    const slice = new TimeSlice(clock)
    let length = 0
    phases.enter('the answer', idleMs)
    for await (const part of response as AsyncIterable<Buffer>) {
      phases.leave()
      length += part.length
      if (length > maxBytes) throw new InvalidAnswer('it is too long')
      yield part
      if (slice.isOver) await slice.rest()
      phases.enter('the next part of the answer', idleMs)
    }
    phases.leave()
    if (!response.complete) throw new InvalidAnswer('it breaks off')
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    signal.removeEventListener('abort', onAbort)
    if (!response.complete) response.destroy()
  }
}
