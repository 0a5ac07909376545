import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'

import { HttpClient } from '../client/http-client.ts'
import { median } from '../load/statistics.ts'
import { commitsPerSecond } from './bare-commits.ts'

const rounds = 3
const roundMs = 2000
const clients = 32
/** About what one message adds to PostgreSQL's write-ahead log. */
const appendBytes = 2048

/** What the machine does without any Matrix server, by which figures of different machines can be compared. */
export interface Calibration {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly node: string
  /** PUT of a message to Express with one route and no work, 32 connections, by the same load generator. */
  readonly expressPutsPerSecond: number
  /** Appends of 2 kB forced to disk, one after the other. */
  readonly durableAppendsPerSecond: number
  /** Single-row inserts with a commit each: from one connection and from 32. Only with a database URL and psql. */
  readonly commitsPerSecond?: { readonly one: number; readonly many: number }
}

export async function calibrate(): Promise<Calibration> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    expressPutsPerSecond: await measureExpress(),
    durableAppendsPerSecond: measureAppends(),
  }
}

/** @returns the calibration with what a database server does without any Matrix server */
export async function calibrateDatabase(calibration: Calibration, databaseUrl: string): Promise<Calibration> {
  const one = await commitsPerSecond(databaseUrl, 1)
  const many = await commitsPerSecond(databaseUrl, clients)
  return { ...calibration, commitsPerSecond: { one, many } }
}

async function measureExpress(): Promise<number> {
  const server = fork(new URL('./bare-express.ts', import.meta.url))
  const [message] = (await once(server, 'message')) as [{ port: number }]
  const http = new HttpClient(`http://127.0.0.1:${message.port}`)
  const rates: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    let count = 0
    const load = async () => {
      while (performance.now() - start < roundMs) {
        const path = `/_matrix/client/v3/rooms/!calibration:localhost/send/m.room.message/${count}`
        await http.send({
          method: 'PUT',
          path,
          body: { msgtype: 'm.text', body: 'message of the calibration' },
          token: 'x',
        })
        count++
      }
    }
    await Promise.all(Array.from({ length: clients }, load))
    rates.push(count / ((performance.now() - start) / 1000))
  }
  http.close()
  server.kill()
  return median(rates)
}

function measureAppends(): number {
  const directory = mkdtempSync(join(tmpdir(), 'hearth-bench-'))
  const file = openSync(join(directory, 'log'), 'a')
  const record = Buffer.alloc(appendBytes, 1)
  const rates: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    let count = 0
    for (; performance.now() - start < roundMs / 2; count++) {
      writeSync(file, record)
      fdatasyncSync(file)
    }
    rates.push(count / ((performance.now() - start) / 1000))
  }
  rmSync(directory, { recursive: true })
  return median(rates)
}
