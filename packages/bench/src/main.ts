/** `npm run bench`: measures a Matrix server over plain HTTP. */
import { writeFile } from 'node:fs/promises'

import { calibrate, calibrateDatabase } from './calibration/calibrate.ts'
import type { Calibration } from './calibration/calibrate.ts'
import { measure } from './measure.ts'
import { parseOptions, usage } from './options.ts'
import type { Options } from './options.ts'
import { writeDocumentation } from './report/documentation.ts'
import type { Report, ServerResult } from './report/report.ts'
import { textOf } from './report/table.ts'
import { externalServer } from './servers/bench-server.ts'
import type { BenchServer } from './servers/bench-server.ts'
import { startHearthProcesses } from './servers/hearth-processes.ts'
import { startHearth } from './servers/hearth-server.ts'
import { startSynapse } from './servers/synapse-server.ts'

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) {
    console.log(usage)
    return
  }
  say('calibrating the machine')
  let calibration = await calibrate()
  const servers: ServerResult[] = []
  const starters = [...chosenServers(options), ...(options.compareSynapse ? [startSynapse] : [])]
  // One after the other: two servers at once would measure each other.
  for (const start of starters) {
    const server = await start()
    try {
      calibration = await withDatabase(calibration, server)
      servers.push(await measure(server, options, say))
    } finally {
      await server.stop()
    }
  }
  // Hearth itself must stand them all; others are only measured.
  if (servers[0]!.failures.length > 0) process.exitCode = 1
  await publish({ at: new Date().toISOString(), scale: options.scaleName, calibration, servers }, options)
}

function chosenServers(options: Options): readonly (() => Promise<BenchServer>)[] {
  if (options.bases.length > 0) return [async () => externalServer(options)]
  if (options.processes.length === 0) return [startHearth]
  return options.processes.map((count) => () => startHearthProcesses(count))
}

/** The bare database is measured once, on the first server whose database can be reached. */
async function withDatabase(calibration: Calibration, { databaseUrl }: BenchServer): Promise<Calibration> {
  if (databaseUrl === undefined || calibration.commitsPerSecond) return calibration
  return calibrateDatabase(calibration, databaseUrl)
}

async function publish(report: Report, { jsonFile, writeDocs }: Options): Promise<void> {
  await writeFile(jsonFile, `${JSON.stringify(report, undefined, 2)}\n`)
  if (writeDocs) await writeDocumentation(report)
  console.log(`\n${textOf(report)}\n\nwritten to ${jsonFile}`)
}

function say(line: string): void {
  console.error(`${new Date().toTimeString().slice(0, 8)} ${line}`)
}

try {
  await main()
} catch (error) {
  console.error(`bench: ${(error as Error).message}`)
  process.exitCode = 1
}
