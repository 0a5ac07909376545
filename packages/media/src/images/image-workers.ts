import {
  Semaphore,
  Unavailable,
  type Clock,
  type Counter,
  type Logger,
  type Metrics,
  type Timer,
} from '@hearth/runtime'
import type { ImageFacts, ImageRefusal, ThumbnailShape } from './image-task.ts'
import { ImageWorker, WorkerEnded } from './image-worker.ts'

/** How long an image may take, in milliseconds; ten times what large ones take on a machine that is not busy. */
const TASK_MS = 20_000
const START_MS = 30_000
/** Idle processes are ended after so long, in milliseconds. */
const IDLE_MS = 60_000
/** What a process may write to, in kilobytes: Node takes 650 MB of that, of which it uses 80. */
const MAX_DATA_KILOBYTES = 1_200_000
const MAX_WAITING = 200
const MAX_THUMBNAIL_BYTES = 20 * 1024 * 1024

/** Larger files are not even looked at. */
export const MAX_IMAGE_BYTES = 50 * 1024 * 1024

/** An image that is to be read: how many bytes it has, and these. */
export interface ImageSource {
  readonly size: number
  readonly read: () => Promise<AsyncIterable<Uint8Array>> | AsyncIterable<Uint8Array>
}

/** What is not, or not within the limits, an image. */
export class ImageRefused extends Error {
  override readonly name = 'ImageRefused'
  readonly why: ImageRefusal['refused']
  /** It took too long, at least on a busy machine. */
  readonly isLate: boolean

  constructor(why: ImageRefusal['refused'], options: ErrorOptions & { readonly isLate?: boolean } = {}) {
    super(why === 'unknown' ? 'it is no image that can be read' : 'the image is too large', options)
    this.why = why
    this.isLate = options.isLate ?? false
  }
}

export interface ImageWorkersDeps {
  /** How many images are worked on at a time, each in a process of its own. */
  readonly processes: number
  readonly taskMs?: number
  readonly maxDataKilobytes?: number
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics?: Metrics
}

/**
 * A few child processes in which images are decoded, started when they are needed and bounded in number, time and memory.
 * An image that crashes its decoder, or keeps it busy without end, costs one of them.
 */
export class ImageWorkers {
  readonly #deps: ImageWorkersDeps
  readonly #turns: Semaphore
  readonly #idle: { readonly worker: ImageWorker; readonly end: Timer }[] = []
  readonly #all = new Set<ImageWorker>()
  readonly #outcomes: Counter<'outcome'> | undefined
  #stopped = false

  constructor(deps: ImageWorkersDeps) {
    this.#deps = deps
    this.#turns = new Semaphore({ name: 'an image', permits: deps.processes, maxWaiting: MAX_WAITING })
    this.#outcomes = deps.metrics?.counter({
      name: 'hearth_images_total',
      help: 'Images that were looked at or made smaller, by what became of it',
      labelNames: ['outcome'],
    })
  }

  /**
   * Looks at an image.
   * @throws as `thumbnail`
   */
  async describe(image: ImageSource): Promise<ImageFacts> {
    return (await this.#run(image, undefined)).facts
  }

  /**
   * Makes an image smaller; never larger. What it is made from is told by its bytes alone. Metadata is left out.
   * @throws ImageRefused; Unavailable when there is too much to do; what reading the image throws
   */
  thumbnail(image: ImageSource, shape: ThumbnailShape): Promise<{ facts: ImageFacts; data: Buffer }> {
    return this.#run(image, shape)
  }

  /** Ends all processes. What they are at fails. */
  stop(): void {
    this.#stopped = true
    for (const { end } of this.#idle.splice(0)) end.cancel()
    for (const worker of this.#all) worker.kill()
    this.#all.clear()
  }

  async #run(image: ImageSource, thumbnail: ThumbnailShape | undefined): Promise<{ facts: ImageFacts; data: Buffer }> {
    try {
      if (image.size > MAX_IMAGE_BYTES) throw new ImageRefused('too-large')
      if (image.size === 0) throw new ImageRefused('unknown')
      const made = await this.#turns.run(() => this.#runNow(image, thumbnail))
      this.#outcomes?.inc({ outcome: 'done' })
      return made
    } catch (error) {
      this.#outcomes?.inc({ outcome: error instanceof ImageRefused ? error.why : 'failed' })
      throw error
    }
  }

  async #runNow(image: ImageSource, thumbnail: ThumbnailShape | undefined) {
    const worker = await this.#takeWorker()
    let late = false
    const timer = this.#deps.clock.setTimer(this.#deps.taskMs ?? TASK_MS, () => {
      late = true
      worker.kill()
    })
    try {
      const task = { bytes: image.size, ...(thumbnail && { thumbnail }) }
      const result = await worker.run(task, await image.read(), { maxBytes: MAX_THUMBNAIL_BYTES })
      this.#giveBack(worker)
      if ('refused' in result) throw new ImageRefused(result.refused)
      return result
    } catch (error) {
      if (error instanceof ImageRefused) throw error
      this.#drop(worker)
      if (this.#stopped) throw new Unavailable('the server is stopping', { cause: error })
      if (!(error instanceof WorkerEnded)) throw error
      this.#deps.logger.warn('a process for images had to be replaced', { error, late })
      throw new ImageRefused(late ? 'too-large' : 'unknown', { cause: error, isLate: late })
    } finally {
      timer.cancel()
    }
  }

  async #takeWorker(): Promise<ImageWorker> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      idle.end.cancel()
      if (idle.worker.isFit) return idle.worker
      this.#drop(idle.worker)
    }
    if (this.#stopped) throw new Unavailable('the server is stopping')
    const { maxDataKilobytes = MAX_DATA_KILOBYTES, clock, logger } = this.#deps
    const worker = new ImageWorker({ maxDataKilobytes })
    this.#all.add(worker)
    const late = clock.setTimer(START_MS, () => worker.kill())
    try {
      await worker.ready()
      return worker
    } catch (error) {
      this.#drop(worker)
      logger.error('a process for images could not be started', { error })
      throw new Unavailable('images cannot be read', { cause: error })
    } finally {
      late.cancel()
    }
  }

  #giveBack(worker: ImageWorker): void {
    const entry = {
      worker,
      end: this.#deps.clock.setTimer(IDLE_MS, () => {
        this.#idle.splice(this.#idle.indexOf(entry), 1)
        this.#drop(worker)
      }),
    }
    this.#idle.push(entry)
  }

  #drop(worker: ImageWorker): void {
    worker.kill()
    this.#all.delete(worker)
  }
}
