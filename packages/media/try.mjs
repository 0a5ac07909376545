import { spawn } from 'node:child_process'
import { readFileSync, existsSync, writeFileSync } from 'node:fs'
import sharp from 'sharp'
const W = 8000,
  H = 6000
async function mk(name, f) {
  const p = '/tmp/img/' + name
  if (!existsSync(p)) writeFileSync(p, await f())
  return p
}
const noise = (w, h) =>
  sharp({ create: { width: w, height: h, channels: 3, noise: { type: 'gaussian', mean: 128, sigma: 30 } } }).blur(1.5)
const files = {}
if (!existsSync('/tmp/img/base.png'))
  writeFileSync('/tmp/img/base.png', await noise(W, H).png({ compressionLevel: 1 }).toBuffer())
const base = '/tmp/img/base.png'
await mk('base.jpg', () => sharp(base).jpeg({ quality: 85 }).toBuffer())
await mk('prog.jpg', () => sharp(base).jpeg({ quality: 85, progressive: true }).toBuffer())
await mk('big.webp', () => sharp(base).webp({ effort: 0 }).toBuffer())
await mk('big.avif', () => sharp(base).avif({ effort: 0 }).toBuffer())
await mk('inter.png', () => sharp(base).png({ progressive: true, compressionLevel: 1 }).toBuffer())
await mk('bomb5000.png', () =>
  sharp({ create: { width: 5000, height: 5000, channels: 3, background: 'red' } })
    .png()
    .toBuffer(),
)
await mk('bomb16000.png', () =>
  sharp({ create: { width: 16000, height: 16000, channels: 3, background: 'red' }, limitInputPixels: false })
    .png()
    .toBuffer(),
)
await mk('anim.gif', async () => {
  const n = 150
  const raw = await noise(480, 360 * n)
    .raw()
    .toBuffer()
  return sharp(raw, { raw: { width: 480, height: 360 * n, channels: 3, pageHeight: 360 } })
    .gif({ effort: 1 })
    .toBuffer()
})
const limit = process.argv[2]
const entry = new URL('./src/images/image-process.ts', import.meta.url).pathname
function child() {
  const c = spawn(
    '/bin/sh',
    [
      '-c',
      'ulimit -c 0; ulimit -d "$0" || exit 3; exec "$@"',
      limit,
      process.execPath,
      '--max-old-space-size=64',
      ...(process.argv[3] ?? '').split(' ').filter(Boolean),
      entry,
    ],
    { env: {}, stdio: ['pipe', 'pipe', 'inherit'] },
  )
  return c
}
async function run(file) {
  const bytes = readFileSync(file)
  const t0 = performance.now()
  const c = child()
  let t1
  const shape = { width: 800, height: 600, method: 'scale', animated: true }
  c.stdin.on('error', () => {})
  const out = []
  let n = 0
  let head
  const res = await new Promise((r) => {
    c.on('exit', (code, sig) => r('EXIT ' + code + ' ' + sig))
    c.stdout.on('data', (d) => {
      out.push(d)
      n += d.length
      const b = Buffer.concat(out)
      const i = b.indexOf(10)
      if (i >= 0) {
        head = JSON.parse(b.subarray(0, i))
        if (head.refused || b.length >= i + 1 + head.bytes) r(JSON.stringify(head))
      }
    })
    c.stdin.write(JSON.stringify({ bytes: bytes.length, thumbnail: shape }) + '\n')
    c.stdin.write(bytes)
  })
  const t = performance.now() - t0
  let hwm = ''
  try {
    hwm = readFileSync(`/proc/${c.pid}/status`, 'utf8')
      .match(/VmHWM.*|VmData.*|VmPeak.*/g)
      .join(' ')
  } catch {}
  console.log(file.padEnd(26), (bytes.length / 1e6).toFixed(1) + 'MB', t.toFixed(0) + 'ms', res, hwm)
  c.kill('SIGKILL')
}
const { readdirSync } = await import('node:fs')
for (const f of readdirSync('/tmp/img')) await run('/tmp/img/' + f)
