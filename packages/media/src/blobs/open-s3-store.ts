import type { S3Store, S3StoreOptions } from './s3-store.ts'

/** Opens a bucket. What talks to it is loaded only here: it is as much code as a fifth of the server. */
export async function openS3Store(options: S3StoreOptions): Promise<S3Store> {
  const { S3Store } = await import('./s3-store.ts')
  return new S3Store(options)
}
