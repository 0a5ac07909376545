/** What a child process is asked to do with an image, and what it answers. JSON on one line each, followed by bytes. */

/** How an image is made to fit: into the rectangle, or so that it fills it, what stands out being cut off. */
export type ThumbnailMethod = 'crop' | 'scale'

export interface ThumbnailShape {
  readonly width: number
  readonly height: number
  readonly method: ThumbnailMethod
  /** Whether it should move, if the image does. */
  readonly animated: boolean
}

export interface ImageTask {
  /** How many bytes of image follow. */
  readonly bytes: number
  /** What to make of it; absent to only look at it. */
  readonly thumbnail?: ThumbnailShape
}

/** What an image turned out to be. */
export interface ImageFacts {
  readonly contentType: string
  /** Upright, as people see it, in pixels. */
  readonly width: number
  readonly height: number
  readonly animated: boolean
}

/** Facts of the thumbnail, or of the image when none was asked for. */
export interface ImageAnswer extends ImageFacts {
  readonly bytes: number
}

/** `unknown`: not an image that can be read. `too-large`: one whose decoding would take too much. */
export interface ImageRefusal {
  readonly refused: 'unknown' | 'too-large'
}

/** The first line of a process, when it is ready for tasks. */
export const READY = 'ready'
