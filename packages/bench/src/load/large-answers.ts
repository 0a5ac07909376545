import { setTimeout as sleep } from 'node:timers/promises'

import type { ServerFigures } from '../servers/server-figures.ts'
import { timed } from './concurrency.ts'
import { median } from './statistics.ts'

/** What one kind of large answer costs. */
export interface LargeAnswerCost {
  readonly durationMs: number
  /** How much more memory the server took at its worst than before the first of them, in MB. */
  readonly memoryMB?: number
  /** The longest that the server's event loop stood still, in milliseconds. */
  readonly stallMs?: number
}

const samplingMs = 20

/** Asks for an answer several times, one after the other, and watches the server meanwhile. */
export async function costOfLargeAnswers(
  figures: ServerFigures,
  turns: number,
  ask: () => Promise<unknown>,
): Promise<LargeAnswerCost> {
  const before = (await figures.memory())?.own
  await figures.eventLoopLagMs('max')
  let highest = before ?? 0
  let isOver = false
  const watch = async () => {
    while (!isOver && before !== undefined) {
      highest = Math.max(highest, (await figures.memory())?.own ?? 0)
      await sleep(samplingMs)
    }
  }
  const watching = watch()
  const durations: number[] = []
  for (let turn = 0; turn < turns; turn++) durations.push(await timed(ask))
  isOver = true
  await watching
  const stallMs = await figures.eventLoopLagMs('max')
  return {
    durationMs: median(durations),
    ...(before !== undefined && { memoryMB: (highest - before) / 1_000_000 }),
    ...(stallMs !== undefined && { stallMs }),
  }
}
