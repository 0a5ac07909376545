import { gzipSync } from 'node:zlib'
import { FakeNetwork, FakeWebServer, TestServer } from '@hearth/test-kit'
import { expect, it } from 'vitest'
import { frames, picture, pngThatClaims } from './images/pictures.ts'
import { MediaClient } from './media-client.ts'

const MiB = 1024 * 1024

/**
 * What the longest turn of the event loop takes of this thread's processor, in milliseconds: on a busy machine the clock
 * would show what others take. The fake web server and the test itself have their part in it.
 */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let isOver = false
  const used = (): number => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  const watching = (async () => {
    for (let last = used(); !isOver;) {
      await new Promise((resolve) => setImmediate(resolve))
      const now = used()
      longest = Math.max(longest, now - last)
      last = now
    }
  })()
  await work().finally(() => (isOver = true))
  await watching
  return longest
}

it('no hostile picture or page keeps others waiting', async () => {
  const network = new FakeNetwork()
  await using web = await FakeWebServer.start(network)
  web.addHost('page.test')
  await using server = await TestServer.start({ network, settings: { HEARTH_URL_PREVIEWS_ENABLED: 'true' } })
  const person = await server.register('alice')
  const alice = new MediaClient(() => server.url, person)
  const thumbnail = async (bytes: Buffer, query = 'width=800&height=600&method=scale&animated=true') => {
    const path = await alice.upload(bytes, { type: 'image/png' })
    return () => alice.request('GET', `/_matrix/client/v1/media/thumbnail/${path}?${query}`)
  }
  let pages = 0
  const preview = (body: string | Buffer, headers: Record<string, string> = {}) => {
    const target = `/page/${(pages += 1)}`
    web.put(target, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html', ...headers }).end(body)
      return undefined
    })
    return () =>
      alice.request(
        'GET',
        `/_matrix/client/v1/media/preview_url?url=${encodeURIComponent(`http://page.test${target}`)}`,
      )
  }
  const repeated = (text: string, bytes = 2 * MiB): string => text.repeat(Math.ceil(bytes / text.length))

  const cases: Record<string, () => Promise<{ status: number }>> = {
    'a plain picture': await thumbnail(await picture(4_000, 3_000).jpeg().toBuffer()),
    'a picture that claims to be huge': await thumbnail(pngThatClaims(60_000, 60_000)),
    'a real one of 400 million pixels': await thumbnail(await picture(20_000, 20_000).png().toBuffer()),
    'an animation of 300 frames': await thumbnail(await frames(400, 300, 300).gif().toBuffer()),
    'a picture that breaks off': await thumbnail((await picture(3_000, 3_000).png().toBuffer()).subarray(0, 5_000)),
    '40 MB that are no picture': await thumbnail(Buffer.alloc(40 * MiB, 'GIF89a')),
    'a plain page': preview('<title>T</title>'),
    'a charset made of spaces': preview('', { 'content-type': `text/html; charset=${' '.repeat(14_000)}` }),
    'the same in its head': preview(`<meta charset=${repeated(' ')}`),
    'elements in one another': preview(repeated('<b>')),
    'ends of what was not begun': preview(`${'<div>'.repeat(900)}${repeated('</p></b></i>')}`),
    'paragraphs that end one another': preview(`${'<div>'.repeat(900)}${repeated('<p><li><tr>')}`),
    'an attribute without an end': preview(`<meta content="${repeated('x')}`),
    'very many attributes': preview(`<meta ${Array.from({ length: 200_000 }, (_, n) => `a${n}=1`).join(' ')}>`),
    'a comment without an end': preview(`<!--${repeated('<!--')}`),
    'a doctype without an end': preview(`<!DOCTYPE ${repeated('[<!ENTITY a "&a;&a;">')}`),
    'a script without an end': preview(`<script>${repeated('</scrip')}`),
    'entities only': preview(`<title>${repeated('&notit;&ampamp')}`),
    'very many properties': preview(repeated('<meta property="og:title" content="x"><link rel="a b c" href=x>')),
    'links with very many relations': preview(`<link href=x rel="${repeated('a ')}">`),
    'deep data': preview(
      repeated(`<script type="application/ld+json">${'['.repeat(30_000)}${']'.repeat(30_000)}</script>`),
    ),
    'names of all kinds in data': preview(
      repeated(
        `<script type="application/ld+json">{${Array.from({ length: 4_000 }, (_, n) => `"${n}a":1`).join()}}</script>`,
      ),
    ),
    'what grows when it is decompressed': preview(gzipSync(' '.repeat(100 * MiB)), { 'content-encoding': 'gzip' }),
  }
  const longest: Record<string, number> = {}
  for (const [name, ask] of Object.entries(cases)) {
    longest[name] = await longestTurn(async () => {
      const { status } = await ask()
      expect([200, 400, 413, 502], name).toContain(status)
    })
    console.log(`${longest[name].toFixed(1).padStart(7)} ms  ${name}`)
  }
  for (const [name, ms] of Object.entries(longest)) expect(ms, name).toBeLessThan(50)
})
