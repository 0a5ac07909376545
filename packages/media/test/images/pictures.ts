import { crc32, deflateSync } from 'node:zlib'
import sharp, { type Sharp } from 'sharp'

/** A picture of one colour. */
export function picture(width: number, height: number, background = '#4080c0'): Sharp {
  return sharp({ create: { width, height, channels: 3, background }, limitInputPixels: false })
}

/** A picture that moves: each frame has another colour. */
export function frames(width: number, height: number, count: number): Sharp {
  const pixels = Buffer.alloc(width * height * 3 * count)
  for (let frame = 0; frame < count; frame++) {
    const start = frame * width * height * 3
    pixels.fill((frame * 37) % 256, start, start + width * height * 3)
  }
  return sharp(pixels, { raw: { width, height: height * count, channels: 3, pageHeight: height } })
}

/** A PNG that says that it has a size, of which there is hardly anything. */
export function pngThatClaims(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const body = deflateSync(Buffer.alloc(100))
  return Buffer.concat([pngSignature, chunk('IHDR', header), chunk('IDAT', body), chunk('IEND', Buffer.alloc(0))])
}

const pngSignature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

function chunk(type: string, data: Buffer): Buffer {
  const tagged = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(data.length + 12)
  framed.writeUInt32BE(data.length, 0)
  tagged.copy(framed, 4)
  framed.writeUInt32BE(crc32(tagged), data.length + 8)
  return framed
}
