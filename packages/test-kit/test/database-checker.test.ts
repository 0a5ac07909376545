import { Database } from '@hearth/store'
import { createLogger } from '@hearth/runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkDatabase, TestServer } from '../src/index.ts'

let server: TestServer
let database: Database

beforeAll(async () => {
  server = await TestServer.start()
  database = await Database.open({ url: server.database.url, logger: createLogger({ level: 'error' }) })
  const alice = await server.register('alice')
  const bob = await server.register('bob')
  for (const version of ['1', '5', '12']) {
    const room = await alice.createRoom({ room_version: version, preset: 'public_chat', name: `Room ${version}` })
    await bob.join(room)
    const sent = await bob.sendText(room, 'hello')
    await bob.put(`rooms/${room}/redact/${sent}/r${version}`, {})
    await alice.setState(room, 'm.room.topic', { topic: 'Tea' })
    if (version === '5') await bob.leave(room)
  }
  await alice.put(`user/${alice.userId}/account_data/org.example.once`, { n: 1 })
  await alice.put(`user/${alice.userId}/account_data/org.example.twice`, { n: 1 })
  await alice.put(`user/${alice.userId}/account_data/org.example.twice`, { n: 2 })
  await alice.sendText(await alice.createRoom(), 'last')
})

afterAll(async () => {
  await database.close()
  await server.stop()
})

const check = () => checkDatabase({ url: server.database.url, serverName: 'hearth.test' })

describe('the checker of databases', () => {
  it('finds nothing wrong in what the server wrote, and tells which positions hold nothing', async () => {
    const { problems, head, unused } = await check()
    expect(problems).toEqual([])
    expect(head).toBe(await server.store.streams.position())
    expect(unused).toHaveLength(1)
  })

  it.each([
    ['an event is missing', 'delete from events where nid = 3', /which is not there/],
    [
      'an event was changed',
      `update events set json = replace(json, 'Tea', 'Sea') where json like '%Tea%'`,
      /hash is wrong/,
    ],
    ['an event has another row', 'update events set depth = depth + 1 where nid = 3', /its row says depth/],
    ['a redacted event was not pruned', 'update events set redacted_by = 3 where nid = 4', /without a redaction/],
    ['the extremities are wrong', 'update room_head set extremities = array[1] where room_nid = 1', /extremities/],
    ['the last position is wrong', 'update room_head set last_pos = last_pos - 1 where room_nid = 1', /last position/],
    [
      'the current state is wrong',
      'update current_state set nid = 1 where room_nid = 1 and type_nid = 9',
      /current state/,
    ],
    ['the state of an event is wrong', 'update events set state_nid = 2 where nid = 5', /the state after event/],
    ['the base of a state is wrong', 'update state_events set base_nid = 1 where nid = 4', /the state before event/],
    ['a membership is missing', 'delete from local_membership where room_nid = 1', /but the row is undefined/],
    [
      'a membership is wrong',
      'update current_state set membership = 3 where room_nid = 1 and type_nid = 2',
      /the code 3/,
    ],
    ['a server is counted wrongly', 'update room_servers set joined = joined + 1 where room_nid = 1', /joined users/],
    ['a position is given twice', 'update account_data set pos = 3', /several changes/],
    ['the head of the stream is behind', 'update stream_head set pos = pos - 1', /there is a change at/],
    ['a transaction has no event', 'update client_txn set nid = 9999999', /client transactions of no event/],
  ])('notices that %s', async (_what, statement, complaint) => {
    const copies = ['events', 'room_head', 'current_state', 'state_events', 'local_membership', 'room_servers']
    copies.push('account_data', 'stream_head', 'client_txn')
    for (const table of copies) await database.query(null, `create table copy_of_${table} as table ${table}`)
    try {
      await database.query(null, statement)
      expect((await check()).problems).toContainEqual(expect.stringMatching(complaint))
    } finally {
      for (const table of copies) {
        await database.query(null, `delete from ${table}`)
        await database.query(null, `insert into ${table} select * from copy_of_${table}`)
        await database.query(null, `drop table copy_of_${table}`)
      }
    }
  })
})
