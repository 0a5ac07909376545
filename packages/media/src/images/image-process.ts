// The program of the child processes in which images are decoded. Whatever a hostile file does to it, the server goes on.
import { writeFileSync } from 'node:fs'
import { READY, type ImageTask } from './image-task.ts'
import { makeThumbnail, restrainSharp } from './make-thumbnail.ts'

const NEWLINE = 10

restrainSharp()
offerToBeKilledFirst()

// Without a parent there is nothing to do, even in the middle of a decode that does not end.
process.stdin.on('end', () => process.exit(0))
process.stdout.on('error', () => process.exit(1))

let parts: Buffer[] = []
let received = 0
let task: ImageTask | undefined

// One task at a time: the next comes when the answer to the last has been read.
process.stdin.on('data', (part: Buffer) => {
  if (task === undefined) {
    const end = part.indexOf(NEWLINE)
    parts.push(part.subarray(0, end === -1 ? part.length : end))
    if (end === -1) return
    task = JSON.parse(Buffer.concat(parts).toString()) as ImageTask
    parts = []
    received = 0
    part = part.subarray(end + 1)
  }
  parts.push(part)
  received += part.length
  if (received < task.bytes) return
  const { thumbnail } = task
  const image = Buffer.concat(parts)
  parts = []
  task = undefined
  void makeThumbnail(image, thumbnail).then((result) => {
    if ('refused' in result) process.stdout.write(`${JSON.stringify(result)}\n`)
    else {
      process.stdout.write(`${JSON.stringify({ ...result.facts, bytes: result.data.length })}\n`)
      process.stdout.write(result.data)
    }
  })
})

process.stdout.write(`${READY}\n`)

/** When memory runs out, let it be this process that goes. */
function offerToBeKilledFirst(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // Not on Linux, or not allowed.
  }
}
