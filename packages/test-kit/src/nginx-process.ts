import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseEnv } from 'node:util'
import { childrenOf } from './children-of.ts'
import { freePort } from './free-port.ts'
import type { IssuedCertificate } from './tls/test-ca.ts'

export interface NginxOptions {
  /** The URLs (`http://127.0.0.1:8008`) of the processes behind it. They may be given later, see `leadTo`. */
  readonly upstreams?: readonly string[]
  /** Names and addresses that requests are for; those of loopback when absent. */
  readonly hosts?: readonly string[]
  readonly certificate: IssuedCertificate
  /** The ports to listen on; free ones when absent. `federation` is what is 8448 in the world. */
  readonly ports?: Partial<NginxPorts>
}

export interface NginxPorts {
  readonly http: number
  readonly https: number
  readonly federation: number
}

const deploy = join(import.meta.dirname, '../../../deploy/nginx')
const readyLimitMs = 20_000
const workers = 2

/**
 * A real nginx with the files of deploy/nginx as they are shipped, on ports of loopback (127.0.0.1 and ::1). The program
 * is that of PATH, with the directories for administrators that Debian leaves out of it.
 */
export class NginxProcess implements AsyncDisposable {
  readonly ports: NginxPorts
  readonly #directory: string
  readonly #options: NginxOptions
  readonly #onExit = (): void => void this.#child?.kill('SIGTERM')
  #child: ChildProcessByStdio<null, null, Readable> | undefined
  #errors = ''
  #generation = 0

  private constructor(directory: string, ports: NginxPorts, options: NginxOptions) {
    this.#directory = directory
    this.ports = ports
    this.#options = options
    process.on('exit', this.#onExit)
  }

  static async start(options: NginxOptions): Promise<NginxProcess> {
    const ports = {
      http: options.ports?.http ?? (await freePort()),
      https: options.ports?.https ?? (await freePort()),
      federation: options.ports?.federation ?? (await freePort()),
    }
    const nginx = new NginxProcess(await mkdtemp(join(tmpdir(), 'hearth-nginx-')), ports, options)
    try {
      await nginx.#launch()
    } catch (error) {
      await nginx.stop()
      throw error
    }
    return nginx
  }

  /** The HTTPS URL over IPv4, for clients and servers alike. */
  get url(): string {
    return `https://127.0.0.1:${this.ports.https}`
  }

  /** The same over IPv6. */
  get ipv6Url(): string {
    return `https://[::1]:${this.ports.https}`
  }

  /** The URL on the port that stands for 8448. */
  get federationUrl(): string {
    return `https://127.0.0.1:${this.ports.federation}`
  }

  /** What was logged of requests. */
  accessLog(): Promise<string> {
    return readFile(join(this.#directory, 'access.log'), 'utf8')
  }

  /** What nginx complained of. */
  get errors(): string {
    return this.#errors
  }

  /** Puts other processes behind it, without a request being lost. */
  async leadTo(upstreams: readonly string[]): Promise<void> {
    await this.#configure(upstreams)
    this.#check()
    this.#child!.kill('SIGHUP')
    await this.#untilGeneration(this.#generation)
  }

  async stop(): Promise<void> {
    process.off('exit', this.#onExit)
    const child = this.#child
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    await rm(this.#directory, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #launch(): Promise<void> {
    await mkdir(join(this.#directory, 'acme/.well-known/acme-challenge'), { recursive: true })
    await writeFile(join(this.#directory, 'acme/.well-known/acme-challenge/proof'), 'it is mine')
    await this.#configure(this.#options.upstreams ?? [])
    this.#check()
    const child = spawn('nginx', this.#arguments, { env: environment(), stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child = child
    child.stderr.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()))
    child.on('error', (error) => (this.#errors += error.message))
    await this.#untilGeneration(this.#generation)
  }

  get #arguments(): string[] {
    return ['-p', this.#directory, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;']
  }

  /** Writes what Debian's and the image's nginx.conf are, as far as it matters here, and the shipped file filled in. */
  async #configure(upstreams: readonly string[]): Promise<void> {
    this.#generation++
    const user = process.getuid?.() === 0 ? 'user root;' : ''
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`)
    const socket = join(this.#directory, 'generation')
    const marker = `server { listen unix:${socket}; location = /${this.#generation} { return 204; } }`
    const http = [...paths, 'include hearth.conf;', marker].join('\n  ')
    const main = `${user}\npid nginx.pid;\nworker_processes ${workers};\nevents { worker_connections 4096; }\nhttp {\n  ${http}\n}\n`
    await writeFile(join(this.#directory, 'nginx.conf'), main)
    await writeFile(join(this.#directory, 'hearth.conf'), await this.#filledIn(upstreams))
  }

  async #filledIn(upstreams: readonly string[]): Promise<string> {
    const { hosts = ['localhost', '127.0.0.1', '[::1]'], certificate } = this.#options
    const values: Record<string, string | undefined> = {
      ...parseEnv(await readFile(join(deploy, 'nginx.env'), 'utf8')),
      MATRIX_HOSTS: hosts.join(' '),
      // Port 9 answers nobody.
      MATRIX_UPSTREAM_SERVERS: (upstreams.length > 0 ? upstreams : ['http://127.0.0.1:9'])
        .map((url) => `server ${new URL(url).host};`)
        .join(' '),
      MATRIX_CERTIFICATE: certificate.certificateFile,
      MATRIX_PRIVATE_KEY: certificate.privateKeyFile,
      MATRIX_IPV4: '127.0.0.1',
      MATRIX_IPV6: '[::1]',
      MATRIX_HTTP_PORT: String(this.ports.http),
      MATRIX_HTTPS_PORT: String(this.ports.https),
      MATRIX_FEDERATION_PORT: String(this.ports.federation),
      MATRIX_ACME_DIRECTORY: 'acme',
      MATRIX_ACCESS_LOG: 'access.log',
    }
    const template = await readFile(join(deploy, 'hearth.conf.template'), 'utf8')
    return template.replaceAll(/\$\{(MATRIX_[A-Z0-9_]*[A-Z0-9])\}/g, (_, name: string) => {
      const value = values[name]
      if (value === undefined) throw new Error(`nginx.env says nothing of ${name}`)
      return value
    })
  }

  /** What is wrong with the files is said by nginx itself. */
  #check(): void {
    const { error, status, stderr } = spawnSync('nginx', [...this.#arguments, '-t'], { env: environment() })
    if (error) throw error
    if (status !== 0) throw new Error(`nginx does not take its configuration:\n${stderr.toString()}`)
  }

  async #untilGeneration(generation: number): Promise<void> {
    const limit = AbortSignal.timeout(readyLimitMs)
    // Workers of the generation before are told to stop a moment after the new ones have begun.
    while (!(await this.#serves(generation)) || this.#openWorkers() > workers) {
      if (limit.aborted) throw new Error(`nginx did not serve within ${readyLimitMs} ms:\n${this.#errors}`)
      if (this.#child?.exitCode != null) throw new Error(`nginx ended:\n${this.#errors}`)
      await sleep(20)
    }
  }

  /** How many workers take connections. */
  #openWorkers(): number {
    return childrenOf(this.#child!.pid!).filter(({ title }) => !title.includes('shutting down')).length
  }

  /** Whether new connections come to workers that have read this generation of the files. */
  #serves(generation: number): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(join(this.#directory, 'generation'), () =>
        socket.write(`GET /${generation} HTTP/1.0\r\n\r\n`),
      )
      socket.on('data', (data) => resolve(data.toString().includes(' 204 ')))
      socket.on('error', () => resolve(false))
      socket.on('close', () => resolve(false))
    })
  }
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: [process.env['PATH'], '/usr/local/sbin', '/usr/sbin'].join(delimiter) }
}
