import type { ServerName } from '@hearth/protocol'
import { FakePeer, TestCa } from '@hearth/test-kit'
import { afterAll, describe, expect, it } from 'vitest'
import { ServerUnreachable } from '../src/index.ts'
import { failureOf, peerForEachTest, type World } from './peer-for-each-test.ts'

let ca: World['ca']
let network: World['network']
let client: World['client']
peerForEachTest((world) => ({ ca, network, client } = world))

describe('the certificate of a server', () => {
  const otherCa = TestCa.create()
  afterAll(async () => (await otherCa)[Symbol.asyncDispose]())

  const failureWith = async (certificate: { certificate: string; privateKey: string }, name = 'bad.test:8448') => {
    await using bad = await FakePeer.start({ ca, network, name, certificate })
    if (!name.startsWith('bad')) network.listen(name.split(':')[0]!, 8448, bad.localPort)
    const error = await failureOf(client.getVersion(name as ServerName))
    expect(bad.requests).toEqual([])
    return error
  }

  it('[SEC-169] must be by an authority that is trusted', async () => {
    const error = await failureWith(await (await otherCa).issue('bad.test'))
    expect(error).toBeInstanceOf(ServerUnreachable)
    expect(error.message).toMatch(/certificate/)
  })

  it('[SEC-169] must be for its name, and a name beside it does not count', async () => {
    expect((await failureWith(await ca.issue('other.test'))).message).toMatch(/altnames/)
    expect((await failureWith(await ca.issue('test'))).message).toMatch(/altnames/)
  })

  it('[SEC-169] must not have expired', async () => {
    const certificate = await ca.issue('bad.test', { notAfter: new Date(Date.now() - 60_000) })
    expect((await failureWith(certificate)).message).toMatch(/expired/)
  })

  it('[SEC-169] must be for the address where the name is one', async () => {
    expect((await failureWith(await ca.issue('bad.test'), '7.7.7.7:8448')).message).toMatch(/altnames|IP/)
  })

  it('[SEC-169] must be for the server’s own name where DNS leads to another host', async () => {
    await using bad = await FakePeer.start({ ca, network, name: 'target.test:8448' })
    network.addHost('bad.test')
    network.addSrv('_matrix-fed._tcp.bad.test', [{ name: 'target.test', port: 8448, priority: 0, weight: 0 }])
    expect((await failureOf(client.getVersion('bad.test' as ServerName))).message).toMatch(/altnames/)
    expect(bad.requests).toEqual([])
  })
})
