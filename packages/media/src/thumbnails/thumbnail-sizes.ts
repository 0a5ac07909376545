import type { ThumbnailMethod, ThumbnailShape } from '../images/image-task.ts'

interface Size {
  readonly width: number
  readonly height: number
}

const square = (length: number): Size => ({ width: length, height: length })

/**
 * The sizes that thumbnails have, the smallest first: those that the specification wants, and larger ones for clients with
 * fine screens, which are not to get less than they ask for.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#thumbnails}
 */
const sizes: Readonly<Record<ThumbnailMethod, readonly Size[]>> = {
  crop: [square(32), square(96), square(256), square(512), square(1_024)],
  scale: [
    { width: 320, height: 240 },
    { width: 640, height: 480 },
    { width: 800, height: 600 },
    { width: 1_600, height: 1_200 },
  ],
}

/** The thumbnail that is made for a wish: the smallest that is as large in both directions, or the largest. */
export function shapeFor(wish: Size & { method: ThumbnailMethod; animated: boolean }): ThumbnailShape {
  const { method, animated } = wish
  const offered = sizes[method]
  const size = offered.find(({ width, height }) => width >= wish.width && height >= wish.height) ?? offered.at(-1)!
  return { ...size, method, animated }
}
