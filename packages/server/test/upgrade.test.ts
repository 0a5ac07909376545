import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '@hearth/runtime'
import { verifyBackup } from '@hearth/store'
import { ServerProcess, TestServer } from '@hearth/test-kit'
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

it('a server goes on while a newer release changes the schema beneath it', async () => {
  await using server = await TestServer.start()
  const { database } = server.store
  const people: string[] = []
  /** A day in its life, in which most of its statements are used, those prepared before as well. */
  const live = async (name: string): Promise<void> => {
    people.push(name)
    const person = await server.register(name)
    const room = await person.createRoom({ name })
    const friend = people[0] === name ? person : await server.anonymous.logIn(people[0]!, `${people[0]}'s password`)
    if (friend !== person) {
      await person.invite(room, friend.userId)
      await friend.join(room)
    }
    const event = await person.sendText(room, 'hello')
    await person.setState(room, 'm.room.topic', { topic: name })
    const { rooms } = await friend.sync()
    expect(rooms?.join?.[room]?.timeline.events.some(({ event_id }) => event_id === event)).toBe(true)
    const path = `rooms/${encodeURIComponent(room)}`
    await friend.post(`${path}/receipt/m.read/${encodeURIComponent(event)}`)
    await friend.get(`${path}/messages`, { dir: 'b' })
    await friend.put(`user/${encodeURIComponent(friend.userId)}/account_data/org.example`, { by: name })
    await person.put(`profile/${encodeURIComponent(person.userId)}/displayname`, { displayname: name })
    await friend.post('user_directory/search', { search_term: name })
    const upload = await person.request('POST', '/_matrix/media/v3/upload', { body: { file: name } })
    const mxc = (upload.body['content_uri'] as string).slice('mxc://'.length)
    expect(await friend.get(`/_matrix/client/v1/media/download/${mxc}`)).toEqual({ file: name })
    await person.leave(room)
  }
  await live('first')
  await live('second')
  const tables = await database.query<{ name: string }>(
    null,
    `select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'`,
  )
  expect(tables.length).toBeGreaterThan(40)
  for (const { name } of tables) await database.query(null, `alter table ${name} add column of_newer_release int`)
  await live('third')
  await live('fourth')
})
