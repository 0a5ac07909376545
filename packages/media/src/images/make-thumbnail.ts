import sharp, { type Metadata, type Sharp } from 'sharp'
import type { ImageFacts, ImageRefusal, ThumbnailShape } from './image-task.ts'
import { imageTypeOf, type ImageType } from './image-type.ts'

/** Pixels of all that is decoded together: an image of 50 megapixels, as phones take them, or 160 frames of 640x480. */
const MAX_PIXELS = 50_000_000
/** AVIF takes 20 bytes of memory for a pixel, the others at most 6. */
const MAX_AVIF_PIXELS = 25_000_000
/** Animations with more frames are shown as their first one. */
const MAX_FRAMES = 400

/** The image with what is known of it, or why there is none. */
export type ImageResult = { readonly facts: ImageFacts; readonly data: Buffer } | ImageRefusal

const loaders = ['Jpeg', 'Png', 'Nsgif', 'Webp', 'Heif'].map((format) => `VipsForeignLoad${format}Buffer`)

const NO_BYTES = Buffer.alloc(0)
const unknown: ImageRefusal = { refused: 'unknown' }
const tooLarge: ImageRefusal = { refused: 'too-large' }

/** Makes sharp fit for files that mean harm: only these decoders, one thread, nothing kept. To be called once. */
export function restrainSharp(): void {
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: loaders })
  sharp.concurrency(1)
  sharp.cache(false)
}

/** Looks at an image, and makes a thumbnail when a shape is given. Its metadata, such as where it was taken, is left out. */
export async function makeThumbnail(image: Buffer, shape: ThumbnailShape | undefined): Promise<ImageResult> {
  const type = imageTypeOf(image)
  if (type === undefined) return unknown
  try {
    const metadata = await opened(image, { animated: false, maxPixels: false }).metadata()
    const { width, height } = uprightSize(metadata)
    if (!(width > 0 && height > 0)) return unknown
    if (width * height > (type === 'image/avif' ? MAX_AVIF_PIXELS : MAX_PIXELS)) return tooLarge
    const animated = isAnimation(type, metadata)
    if (shape === undefined) return { facts: { contentType: type, width, height, animated }, data: NO_BYTES }
    const moving = shape.animated && animated && mayMove(metadata, width * height)
    return await resized(
      opened(image, { animated: moving, maxPixels: MAX_PIXELS }),
      { type, width, height, moving, hasAlpha: metadata.hasAlpha },
      shape,
    )
  } catch {
    // Whatever a decoder says of a broken file, it is no image that can be shown.
    return unknown
  }
}

function opened(image: Buffer, { animated, maxPixels }: { animated: boolean; maxPixels: number | false }): Sharp {
  return sharp(image, { animated, failOn: 'error', limitInputPixels: maxPixels, sequentialRead: true })
}

/** Width and height once it is turned as its EXIF orientation says; of one frame. */
function uprightSize({ width = 0, height = 0, pageHeight, orientation = 1 }: Metadata) {
  const frameHeight = pageHeight ?? height
  return orientation >= 5 ? { width: frameHeight, height: width } : { width, height: frameHeight }
}

function isAnimation(type: ImageType, { pages = 1 }: Metadata): boolean {
  return pages > 1 && (type === 'image/gif' || type === 'image/webp')
}

function mayMove({ pages = 1, orientation = 1 }: Metadata, framePixels: number): boolean {
  return pages <= MAX_FRAMES && pages * framePixels <= MAX_PIXELS && orientation === 1
}

interface Source {
  readonly type: ImageType
  readonly width: number
  readonly height: number
  readonly moving: boolean
  readonly hasAlpha: boolean
}

async function resized(image: Sharp, source: Source, { width, height, method }: ThumbnailShape): Promise<ImageResult> {
  const size = method === 'crop' ? cropSize(source, { width, height }) : scaleSize(source, { width, height })
  // What has to be turned is turned before anything else.
  const upright = source.moving ? image : image.autoOrient()
  const { output, contentType } = encoded(upright.resize({ ...size, fit: 'cover' }), source)
  const data = await output.toBuffer()
  return { facts: { contentType, ...size, animated: source.moving }, data }
}

interface Size {
  readonly width: number
  readonly height: number
}

/** As large as fits, with the proportions of the image, and never larger than it. */
function scaleSize(image: Size, into: Size): Size {
  const factor = Math.min(1, into.width / image.width, into.height / image.height)
  const scaled = (length: number): number => Math.max(1, Math.round(length * factor))
  return { width: scaled(image.width), height: scaled(image.height) }
}

/** With the proportions that were asked for, and never larger than the image. */
function cropSize(image: Size, wanted: Size): Size {
  const factor = Math.min(1, image.width / wanted.width, image.height / wanted.height)
  const scaled = (length: number): number => Math.max(1, Math.floor(length * factor))
  return { width: scaled(wanted.width), height: scaled(wanted.height) }
}

/** Drawings and what is transparent stay as they are, photographs become small. */
function encoded(image: Sharp, { type, moving, hasAlpha }: Source): { output: Sharp; contentType: string } {
  if (moving) return { output: image.webp({ quality: 75, effort: 2 }), contentType: 'image/webp' }
  if (hasAlpha || type === 'image/png' || type === 'image/gif') {
    return { output: image.png({ compressionLevel: 6 }), contentType: 'image/png' }
  }
  return { output: image.jpeg({ quality: 80 }), contentType: 'image/jpeg' }
}
