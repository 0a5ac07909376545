import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '@hearth/runtime'
import { verifyBackup } from '@hearth/store'
import { ServerProcess } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backUp, loadConfig, restore } from '../src/index.ts'

/** A backup of the release before this one, on which scripts/main-job.sh had been played. Its schema is of that release. */
const release = join(import.meta.dirname, 'fixtures/release-0.1')
const password = 'correct horse battery staple'
const logger = createLogger({ level: 'error' })

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-upgrade-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describe("the previous release's data", () => {
  it('is brought up to date by the start, and everything is there', async () => {
    const dataDir = join(directory, 'data')
    const environment = { HEARTH_SERVER_NAME: 'hearth.test', HEARTH_DATA_DIR: dataDir }
    const { config } = loadConfig({ environment, workingDirectory: directory })
    const before = await restore(config, logger, release)
    await using server = await ServerProcess.start({ dataDir })

    const alice = await server.anonymous.logIn('alice2724', password)
    const { rooms } = await alice.sync()
    const [room, shown] = Object.entries(rooms?.join ?? {})[0]!
    const bodies = shown.timeline.events.map(({ content }) => content['body'])
    expect(bodies).toContain('The chestnuts are done')
    const path = `rooms/${encodeURIComponent(room)}/state/m.room.topic/`
    expect(await alice.get(path)).toEqual({ topic: 'Chestnuts' })
    const fresh = await alice.sendText(room, 'after the upgrade')

    // The embedded database is backed up beside the server that runs it, with the schema of today.
    const backup = join(directory, 'backup')
    const manifest = await backUp(config, logger, backup)
    expect(manifest.migrations).toEqual(expect.arrayContaining([...before.migrations]))
    expect(manifest.migrations.length).toBeGreaterThan(before.migrations.length)
    expect(await verifyBackup(backup)).toEqual(manifest)
    const carol = await server.anonymous.logIn('carol2724', password)
    expect((await carol.get(`rooms/${encodeURIComponent(room)}/event/${encodeURIComponent(fresh)}`))['sender']).toBe(
      '@alice2724:hearth.test',
    )
  })
})
