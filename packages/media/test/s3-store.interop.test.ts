import { spawn } from 'node:child_process'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { eventually, freePort, pythonEnvironment } from '@hearth/test-kit'
import { afterAll } from 'vitest'
import { openS3Store, type BlobStore } from '../src/index.ts'
import { describeBlobStore } from './blob-store-contract.ts'

const Bucket = 'hearth-media'
const endings: (() => void)[] = []
afterAll(() => {
  for (const end of endings) end()
})

/** moto's server, which keeps everything in memory. */
async function openBucket(): Promise<BlobStore> {
  const port = await freePort()
  const python = await pythonEnvironment()
  const moto = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  endings.push(() => moto.kill())
  const settings = {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
  }
  const client = new S3Client({ ...settings, forcePathStyle: true })
  await eventually(
    () => client.send(new CreateBucketCommand({ Bucket })),
    () => true,
  )
  client.destroy()
  const store = await openS3Store({ ...settings, bucket: Bucket })
  endings.push(() => store.close())
  return store
}

describeBlobStore('an S3-compatible store', openBucket)
