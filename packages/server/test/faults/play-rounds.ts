import type { SeededRandom, ServerProcess } from '@hearth/test-kit'
import { expect } from 'vitest'
import { FaultRun } from './fault-run.ts'

export interface Round {
  readonly name: string
  readonly fault: () => Promise<void>
}

/**
 * Sets clients to work on the processes of a deployment, breaks something in each round, and expects that nothing is wrong
 * after it. What it prints tells what happened, and the seed that chooses the moments: `FAULT_SEED` gives it again.
 */
export async function playRounds(
  servers: readonly ServerProcess[],
  random: SeededRandom,
  rounds: readonly Round[],
): Promise<void> {
  const run = new FaultRun({ servers, random })
  await run.setUp()
  for (const [index, { name, fault }] of rounds.entries()) {
    const { problems, report } = await run.round(fault)
    const title = `seed ${random.seed}, round ${index + 1} (${name})`
    console.log(`${title}: ${JSON.stringify(report)}`)
    const output = servers.map((server) => server.output).join('\n\n')
    expect(problems, `${title}\n${output}`).toEqual([])
  }
  expect(await run.finish(), `seed ${random.seed}, at the end`).toEqual([])
}

/** The seed that was asked for, or a new one. */
export function chosenSeed(): number {
  return Number(process.env['FAULT_SEED'] ?? Date.now() % 1_000_000)
}
