import { createLogger, SystemClock } from '@hearth/runtime'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ThumbnailShape } from '../../src/images/image-task.ts'
import { ImageRefused, ImageWorkers, type ImageWorkersDeps } from '../../src/images/image-workers.ts'
import { frames, picture, pngThatClaims } from './pictures.ts'

const quiet = createLogger({ level: 'error', sink: { write: () => undefined, flush: () => undefined } })
const newWorkers = (deps: Partial<ImageWorkersDeps> = {}) =>
  new ImageWorkers({ processes: 2, taskMs: 120_000, clock: new SystemClock(), logger: quiet, ...deps })

let workers: ImageWorkers
beforeAll(() => {
  workers = newWorkers()
})
afterAll(() => workers.stop())

const source = (bytes: Buffer) => ({ size: bytes.length, read: async () => pieces(bytes) })

async function* pieces(bytes: Buffer) {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

async function thumbnail(bytes: Buffer, shape: Partial<ThumbnailShape> = {}) {
  const { facts, data } = await workers.thumbnail(source(bytes), {
    width: 320,
    height: 240,
    method: 'scale',
    animated: false,
    ...shape,
  })
  const metadata = await sharp(data, { animated: true }).metadata()
  return { facts, data, metadata }
}

describe('an image', () => {
  it.each([
    ['jpeg', 'image/jpeg', 'image/jpeg'],
    ['png', 'image/png', 'image/png'],
    ['gif', 'image/gif', 'image/png'],
    ['webp', 'image/webp', 'image/jpeg'],
    ['avif', 'image/avif', 'image/jpeg'],
  ] as const)('of type %s is read, and becomes one that every client shows', async (format, type, becomes) => {
    const bytes = await picture(640, 400).toFormat(format).toBuffer()
    expect(await workers.describe(source(bytes))).toEqual({
      contentType: type,
      width: 640,
      height: 400,
      animated: false,
    })
    const { facts, metadata } = await thumbnail(bytes)
    expect(facts).toEqual({ contentType: becomes, width: 320, height: 200, animated: false })
    expect(metadata).toMatchObject({ format: becomes.slice('image/'.length), width: 320, height: 200 })
  })

  it('is scaled into the size, or cut to it, and never made larger', async () => {
    const wide = await picture(1000, 500).png().toBuffer()
    const small = await picture(50, 200).png().toBuffer()
    const sizeOf = async (bytes: Buffer, shape: Partial<ThumbnailShape>) => {
      const { facts, metadata } = await thumbnail(bytes, shape)
      expect(metadata).toMatchObject({ width: facts.width, height: facts.height })
      return `${facts.width}x${facts.height}`
    }
    expect(await sizeOf(wide, { width: 320, height: 240 })).toBe('320x160')
    expect(await sizeOf(wide, { width: 96, height: 96, method: 'crop' })).toBe('96x96')
    expect(await sizeOf(wide, { width: 1600, height: 1200 })).toBe('1000x500')
    expect(await sizeOf(small, { width: 96, height: 96, method: 'crop' })).toBe('50x50')
    expect(await sizeOf(small, { width: 320, height: 240 })).toBe('50x200')
  })

  it('[SEC-200] of one pixel, or one pixel wide, is no more than that', async () => {
    const dot = await thumbnail(await picture(1, 1).png().toBuffer())
    expect(dot.facts).toMatchObject({ width: 1, height: 1 })
    const line = await thumbnail(await picture(1, 30_000).png().toBuffer(), { method: 'crop', width: 96, height: 96 })
    expect(line.facts).toMatchObject({ width: 1, height: 1 })
  })

  it('is turned upright, and loses what else it says about the picture', async () => {
    const photo = await picture(400, 200)
      .withExif({ IFD0: { Copyright: 'somebody' }, IFD3: { GPSLatitude: '51/1 30/1 0/1' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer()
    expect(await workers.describe(source(photo))).toMatchObject({ width: 200, height: 400 })
    const { facts, metadata } = await thumbnail(photo, { width: 100, height: 100 })
    expect(facts).toMatchObject({ width: 50, height: 100 })
    expect(metadata).toMatchObject({ width: 50, height: 100 })
    expect(metadata.exif).toBeUndefined()
    expect(metadata.orientation).toBeUndefined()
  })

  it('that is transparent stays so', async () => {
    const glass = await sharp({ create: { width: 500, height: 500, channels: 4, background: '#ff000080' } })
      .webp()
      .toBuffer()
    const { facts, metadata } = await thumbnail(glass)
    expect(facts.contentType).toBe('image/png')
    expect(metadata.hasAlpha).toBe(true)
  })

  it.each(['gif', 'webp'] as const)('of type %s that moves goes on moving where that is wanted', async (format) => {
    const moving = await frames(200, 100, 5).toFormat(format).toBuffer()
    expect(await workers.describe(source(moving))).toMatchObject({ width: 200, height: 100, animated: true })
    const wanted = await thumbnail(moving, { width: 96, height: 96, method: 'crop', animated: true })
    expect(wanted.facts).toEqual({ contentType: 'image/webp', width: 96, height: 96, animated: true })
    expect(wanted.metadata).toMatchObject({ format: 'webp', pages: 5, pageHeight: 96 })
    const still = await thumbnail(moving, { width: 96, height: 96, method: 'crop' })
    expect(still.facts.animated).toBe(false)
    expect(still.metadata.pages ?? 1).toBe(1)
  })

  it('that does not move does not begin to', async () => {
    const { facts } = await thumbnail(await picture(200, 100).gif().toBuffer(), { animated: true })
    expect(facts).toMatchObject({ contentType: 'image/png', animated: false })
  })

  it.each(['gif', 'webp'] as const)(
    '[SEC-194] of type %s with very many frames is shown as the first',
    async (format) => {
      const { facts } = await thumbnail(await frames(16, 16, 2_000).toFormat(format).toBuffer(), { animated: true })
      expect(facts).toMatchObject({ width: 16, height: 16, animated: false })
    },
  )
})

describe('refused is', () => {
  const refused = async (bytes: Buffer): Promise<string> => {
    const outcome = await thumbnail(bytes).catch((error: unknown) => error)
    return outcome instanceof ImageRefused ? outcome.why : `not refused: ${String(outcome)}`
  }

  it('[SEC-193, M-01] a small file that becomes large', async () => {
    const fine = await picture(5_000, 5_000).png().toBuffer()
    expect((await thumbnail(fine)).facts).toMatchObject({ width: 240, height: 240 })
    expect(await refused(pngThatClaims(16_000, 16_000))).toBe('too-large')
    expect(await refused(pngThatClaims(65_000, 65_000))).toBe('too-large')
    expect(await refused(pngThatClaims(2_000_000_000, 2_000_000_000))).not.toMatch('not refused')
  })

  it('[SEC-196, S-65, M-07] everything that no decoder is meant for, whatever it looks like', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    const tiff = await picture(10, 10).tiff().toBuffer()
    const others = ['8BPS\0\x01', '%PDF-1.7\n', '\xff\x0a\xfa\x7f', 'SIMPLE  =', '\0\0\0\x18ftypheic\0\0\0\0heicmif1']
    for (const bytes of [svg, tiff, ...others.map((text) => Buffer.from(text, 'latin1'))]) {
      expect(await refused(bytes)).toBe('unknown')
    }
    // What begins as one of those that are read is given to that one's decoder alone.
    for (const start of ['\xff\xd8\xff', '\x89PNG\r\n\x1a\n', 'GIF89a', 'RIFF\x40\0\0\0WEBP', '\0\0\0\x18ftypavif']) {
      expect(await refused(Buffer.concat([Buffer.from(start, 'latin1'), svg]))).toBe('unknown')
    }
  })

  it('[SEC-200] what is broken, cut short or empty', async () => {
    expect(await refused(Buffer.alloc(0))).toBe('unknown')
    const noise = sharp({
      create: {
        width: 200,
        height: 160,
        channels: 3,
        background: '#000',
        noise: { type: 'gaussian', mean: 128, sigma: 30 },
      },
    })
    for (const format of ['jpeg', 'png', 'gif', 'webp', 'avif'] as const) {
      const bytes = await noise.clone().toFormat(format).toBuffer()
      expect(await refused(bytes.subarray(0, bytes.length / 2)), format).toBe('unknown')
      expect(await refused(bytes.subarray(0, 20)), format).toBe('unknown')
    }
  })

  it('what takes too long, and the next image is read all the same', async () => {
    const hasty = newWorkers({ processes: 1, taskMs: 1 })
    const slow = await picture(4_000, 4_000).webp({ effort: 0 }).toBuffer()
    const shape = { width: 800, height: 600, method: 'scale', animated: false } as const
    await expect(hasty.thumbnail(source(slow), shape)).rejects.toMatchObject({ why: 'too-large', isLate: true })
    await expect(hasty.thumbnail(source(slow), shape)).rejects.toMatchObject({ why: 'too-large', isLate: true })
    hasty.stop()
    expect(await workers.describe(source(slow))).toMatchObject({ width: 4_000 })
  })

  it('what takes too much memory, without harm to the server', async () => {
    const poor = newWorkers({ processes: 1, maxDataKilobytes: 700_000 })
    const avif = await picture(3_000, 3_000).avif({ effort: 0 }).toBuffer()
    const shape = { width: 800, height: 600, method: 'scale', animated: false } as const
    await expect(poor.thumbnail(source(avif), shape)).rejects.toMatchObject({ why: 'unknown' })
    expect(await poor.describe(source(await picture(10, 10).png().toBuffer()))).toMatchObject({ width: 10 })
    poor.stop()
    expect((await thumbnail(avif)).facts).toMatchObject({ width: 240, height: 240 })
  })
})

it('an image that cannot be read to its end fails by itself alone', async () => {
  const bytes = await picture(100, 100).png().toBuffer()
  const breaking = {
    size: bytes.length,
    async read() {
      return (async function* () {
        yield bytes.subarray(0, 10)
        throw new Error('the disk is gone')
      })()
    },
  }
  await expect(workers.describe(breaking)).rejects.toThrow('the disk is gone')
  await expect(workers.describe({ ...source(bytes), size: 1_000_000 })).rejects.toThrow('not as long')
  await expect(workers.describe({ ...source(bytes), size: 10 })).rejects.toThrow('not as long')
  expect(await workers.describe(source(bytes))).toMatchObject({ width: 100 })
})

it('whoever waits when all stops is told to come again', async () => {
  const ending = newWorkers({ processes: 1 })
  const bytes = await picture(100, 100).png().toBuffer()
  const waiting = [ending.describe(source(bytes)), ending.describe(source(bytes))]
  ending.stop()
  for (const result of await Promise.allSettled(waiting))
    expect(result).toMatchObject({ reason: { name: 'Unavailable' } })
})
