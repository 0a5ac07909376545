import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '@hearth/runtime'
import { createDatabase, dropDatabase, withDatabase } from '@hearth/store'
import { eventually, PeerServers, positionOfToken, ServerProcess, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backUp, loadConfig, restore, type Config } from '../src/index.ts'

const logger = createLogger({ level: 'error' })
const stack = new AsyncDisposableStack()
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-backup-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
})
afterAll(() => stack.disposeAsync())

function configOf(settings: Readonly<Record<string, string>>): Config {
  return loadConfig({ environment: settings, workingDirectory: directory }).config
}

/** An empty database beside another one, with nothing migrated. */
async function emptyDatabase(beside: string): Promise<string> {
  const name = `${new URL(beside).pathname.slice(1)}_restored`
  await createDatabase(beside, name)
  stack.defer(() => dropDatabase(beside, name))
  return withDatabase(beside, name)
}

describe('backup and restore', () => {
  it('bring a server back that goes on where its peers and clients are, even from an old backup', async () => {
    const servers = stack.use(await PeerServers.create())
    const here = await servers.hearthProcess()
    const there = await servers.hearth()
    const alice = await here.register('alice')
    const bob = await there.register('bob')
    const room = await alice.createRoom({ preset: 'public_chat' })
    await bob.post(`join/${encodeURIComponent(room)}?server_name=${here.serverName}`)

    // While somebody writes.
    const sent: string[] = []
    let writing = true
    const writer = (async () => {
      while (writing) sent.push(await alice.sendText(room, `message ${sent.length}`))
    })()
    await expect.poll(() => sent.length, { timeout: 60_000 }).toBeGreaterThan(20)
    const settings = { ...here.server.settings, HEARTH_DATABASE_URL: here.server.databaseUrl }
    const before = [...sent]
    const backup = join(directory, 'backup')
    const manifest = await backUp(configOf(settings), logger, backup)
    await expect.poll(() => sent.length, { timeout: 60_000 }).toBeGreaterThan(before.length + 20)
    writing = false
    await writer
    expect(manifest.serverName).toBe(here.serverName)
    await expect(backUp(configOf(settings), logger, backup)).rejects.toThrow('is not empty')

    // What happened after the backup is lost here, and known to the peer and to the clients.
    const { next_batch: token } = await alice.sync()
    const lost = sent.at(-1)!
    const isThere = (client: TestClient, eventId: string) =>
      eventually(
        () => client.request('GET', `rooms/${encodeURIComponent(room)}/event/${encodeURIComponent(eventId)}`),
        ({ status }) => status === 200,
      )
    expect((await isThere(bob, lost)).status).toBe(200)
    await here.server.terminate()

    const url = await emptyDatabase(here.server.databaseUrl)
    const dataDir = join(directory, 'restored')
    const restored = configOf({ ...settings, HEARTH_DATABASE_URL: url, HEARTH_DATA_DIR: dataDir })
    await expect(restore({ ...restored, serverName: 'other.org' } as Config, logger, backup)).rejects.toThrow(
      'is of 127',
    )
    await restore(restored, logger, backup)
    await expect(restore(restored, logger, backup)).rejects.toThrow('is there already')
    await expect(restore({ ...restored, dataDir: join(directory, 'third') }, logger, backup)).rejects.toThrow(
      'the database is not empty',
    )

    const again = stack.use(await ServerProcess.start({ settings, dataDir, database: { ...noDrop, url } }))
    const aliceAgain = alice.following(() => again.url)
    // Everything that was acknowledged before the backup is there, once.
    const timeline: string[] = []
    for (let from: string | undefined; ;) {
      const page = (await aliceAgain.get(`rooms/${encodeURIComponent(room)}/messages`, {
        dir: 'b',
        limit: 100,
        from,
      })) as {
        chunk: { event_id: string }[]
        end?: string
      }
      timeline.push(...page.chunk.map(({ event_id }) => event_id))
      if (page.end === undefined) break
      from = page.end
    }
    expect(new Set(timeline).size).toBe(timeline.length)
    expect(timeline).toEqual(expect.arrayContaining(before))

    // A token from the lost time is before whatever comes now, and what comes reaches the peer although it knows more.
    const fresh = await aliceAgain.sendText(room, 'after the restoration')
    expect(sent).not.toContain(fresh)
    const told = await aliceAgain.sync({ since: token })
    expect(told.rooms?.join?.[room]?.timeline.events.map(({ event_id }) => event_id)).toContain(fresh)
    expect(positionOfToken(told.next_batch)).toBeGreaterThan(positionOfToken(token))
    const answer = await bob.sendText(room, 'welcome back')
    expect((await isThere(bob, fresh)).status).toBe(200)
    expect((await isThere(aliceAgain, answer)).status).toBe(200)
  })

  it('refuse what is damaged, unfinished, or no backup', async () => {
    const backup = join(directory, 'backup')
    const config = configOf({
      HEARTH_DATA_DIR: join(directory, 'fourth'),
      HEARTH_DATABASE_URL: 'postgres://x@127.0.0.1:9/x',
    })
    await expect(restore(config, logger, join(directory, 'nothing'))).rejects.toThrow('is no backup')
    const file = (await readdir(backup)).find((name) => name.startsWith('events'))!
    await writeFile(join(backup, file), 'something else')
    await expect(restore(config, logger, backup)).rejects.toThrow(`${file} of the backup is damaged`)
    await rm(join(backup, file))
    await expect(restore(config, logger, backup)).rejects.toThrow(`${file} of the backup cannot be read`)
  })
})

const noDrop = { drop: async () => undefined, [Symbol.asyncDispose]: async () => undefined }
