import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { once } from 'node:events'
import { s } from '@hearth/protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import { endpoint, serve } from './test-server.ts'

const fixtures = join(import.meta.dirname, 'fixtures')

const hello = endpoint({
  method: 'GET',
  path: '/hello',
  auth: 'none',
  response: s.object({}),
  handle: () => ({}),
})

async function install(name: string, directory: string): Promise<void> {
  await copyFile(join(fixtures, `${name}-cert.pem`), join(directory, 'cert.pem'))
  await copyFile(join(fixtures, `${name}-key.pem`), join(directory, 'key.pem'))
}

async function ask(port: number): Promise<{ certificate: string; answer: string }> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const certificate = String(socket.getPeerCertificate().subject.CN)
  socket.write('GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return { certificate, answer: chunk.toString().split('\r\n')[0]! }
}

describe('an HTTPS listener', () => {
  it('serves, and takes a new certificate without a restart', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hearth-tls-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    await install('first', directory)
    const tls = { certificate: join(directory, 'cert.pem'), privateKey: join(directory, 'key.pem') }
    const { server, port, url, logLines } = await serve({ hello }, { tls })
    expect(url).toMatch(/^https:/)
    expect(await ask(port)).toEqual({ certificate: 'first.example', answer: 'HTTP/1.1 200 OK' })
    await install('second', directory)
    server.reloadCertificates()
    expect((await ask(port)).certificate).toBe('second.example')
    await writeFile(tls.certificate, 'no certificate')
    server.reloadCertificates()
    expect((await ask(port)).certificate).toBe('second.example')
    expect(logLines.join('\n')).toContain('the certificate could not be read again')
  })

  it('[SEC-261] offers HTTP/1.1 and nothing else', async () => {
    const tls = { certificate: join(fixtures, 'first-cert.pem'), privateKey: join(fixtures, 'first-key.pem') }
    const { port } = await serve({ hello }, { tls })
    const ALPNProtocols = ['h2', 'http/1.1']
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols })
    await once(socket, 'secureConnect')
    expect(socket.alpnProtocol).toBe('http/1.1')
    socket.destroy()
  })

  it('needs a certificate', async () => {
    const tls = { certificate: '/nowhere/cert.pem', privateKey: '/nowhere/key.pem' }
    await expect(serve({ hello }, { tls })).rejects.toThrow('ENOENT')
  })
})
