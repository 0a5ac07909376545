import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Jobs } from '@hearth/core'
import type { FederationClient, WebClient } from '@hearth/federation-client'
import {
  Blobs,
  ByteBudget,
  DenyList,
  DirectoryStore,
  ImageWorkers,
  LocalMedia,
  MediaAdministration,
  MediaDeletion,
  MediaFiles,
  MediaSweep,
  MediaUploads,
  openS3Store,
  PageVisitor,
  PendingUploads,
  RemoteCache,
  RemoteMedia,
  RemoteSource,
  Spool,
  Thumbnails,
  UploadQuota,
  UrlPreviews,
  type BlobStore,
  type MediaContext,
} from '@hearth/media'
import type { Clock, Lifecycle, Logger, Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { Config } from '../generated/config.ts'

/** How many pictures are worked on at a time: each takes a processor. */
const MAX_IMAGE_PROCESSES = 4

const MiB = 1024 * 1024
/** What one user, or one address, may have fetched of other servers' files. */
const fetchBudget = { burst: 512 * MiB, perSecond: MiB / 2 }

export interface MediaDeps {
  readonly store: Store
  readonly jobs: Jobs
  readonly federationClient: FederationClient
  readonly webClient: WebClient
  readonly lifecycle: Lifecycle
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Builds the content repository. */
export async function buildMedia(config: Config, deps: MediaDeps): Promise<MediaContext> {
  const { serverName, media } = config
  const { store, jobs, federationClient, webClient, lifecycle, clock } = deps
  const directory = media.directory ?? join(config.dataDir, 'media')
  const maxBytes = byteSize(media.maxUploadSize)
  const frozen = media.unauthenticatedAccess === 'frozen'
  const blobStore = await openBlobStore(config, directory, lifecycle)
  const spool = new Spool({ directory: join(directory, 'incoming') })
  const blobs = new Blobs({ ...deps, blobStore, spool })
  const pending = new PendingUploads({ clock })
  const common = { ...deps, blobs, pending, serverName, maxBytes, frozen }
  const localMedia = new LocalMedia(common)
  const source = new RemoteSource({ federationClient, webClient, maxBytes, clock })
  const budget = new ByteBudget({ ...fetchBudget, enabled: config.rateLimits.enabled, clock })
  const remoteMedia = new RemoteMedia({ ...common, source, budget })
  const mediaFiles = new MediaFiles({ ...common, remoteMedia })
  const imageWorkers = new ImageWorkers({ ...deps, processes: Math.min(MAX_IMAGE_PROCESSES, availableParallelism()) })
  const denyList = new DenyList(config.urlPreviews.deny)
  const visitor = new PageVisitor({ ...common, webClient, denyList, localMedia, imageWorkers })
  const sweep = new MediaSweep({ store, blobStore, spool, remoteCache: cacheOf(config, deps), clock })
  jobs.register(sweep)
  const deletion = new MediaDeletion(deps)
  jobs.register(deletion)
  lifecycle.add({ name: 'media', start: () => sweep.begin(), stop: () => imageWorkers.stop() })
  return {
    blobs,
    mediaFiles,
    mediaUploads: new MediaUploads({ ...common, localMedia, quota: quotaOf(config, store) }),
    administration: new MediaAdministration({ ...deps, deletion, serverName }),
    thumbnails: new Thumbnails({ ...common, mediaFiles, imageWorkers }),
    urlPreviews: new UrlPreviews({ ...deps, visitor, enabled: config.urlPreviews.enabled }),
    media: { serverName, maxUploadBytes: maxBytes },
  }
}

function cacheOf({ serverName, media }: Config, deps: MediaDeps): RemoteCache {
  return new RemoteCache({ ...deps, serverName, maxBytes: byteSize(media.remoteCacheSize) })
}

function quotaOf({ media, support }: Config, store: Store): UploadQuota {
  const bytes = (setting?: string): number | undefined => (setting === undefined ? undefined : byteSize(setting))
  const { email, page } = support
  const adminContact = page ?? (email && `mailto:${email}`)
  return new UploadQuota({ store, perUser: bytes(media.quotaPerUser), total: bytes(media.quotaTotal), adminContact })
}

async function openBlobStore({ media: { s3 } }: Config, directory: string, lifecycle: Lifecycle): Promise<BlobStore> {
  const { bucket, endpoint, region, accessKeyId, secretAccessKey } = s3
  if (bucket === undefined) return new DirectoryStore({ directory })
  const hasKey = accessKeyId !== undefined && secretAccessKey !== undefined
  const credentials = hasKey ? { accessKeyId, secretAccessKey } : undefined
  const blobStore = await openS3Store({ bucket, endpoint, region, credentials })
  lifecycle.add({ name: 'media store', stop: () => blobStore.close() })
  return blobStore
}

const units: Readonly<Record<string, number>> = { K: 1024, M: MiB, G: 1024 * MiB }

/** The number of bytes that a setting stands for, such as 100M. */
function byteSize(setting: string): number {
  const unit = units[setting.at(-1)!]
  return unit === undefined ? Number(setting) : Number(setting.slice(0, -1)) * unit
}
