/** A kind of image that is read. What a file is shows in its first bytes; what it is called or declared as does not matter. */
export type ImageType = 'image/jpeg' | 'image/png' | 'image/gif' | 'image/webp' | 'image/avif'

/** How many of the first bytes tell. */
export const IMAGE_TYPE_BYTES = 32

/** The image type of a file by its first bytes; undefined when it is none of those that are read. */
export function imageTypeOf(head: Buffer): ImageType | undefined {
  const text = head.toString('latin1', 0, IMAGE_TYPE_BYTES)
  if (text.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png'
  if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'image/gif'
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'image/webp'
  if (text.slice(4, 8) === 'ftyp' && ['avif', 'avis'].includes(text.slice(8, 12))) return 'image/avif'
  return undefined
}
