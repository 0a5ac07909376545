import { randomBytes, webcrypto } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
// What x509 is built on needs it.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const dayMs = 86_400_000

/** A certificate with its key: PEM, and the files that hold it. */
export interface IssuedCertificate {
  readonly certificate: string
  readonly privateKey: string
  readonly certificateFile: string
  readonly privateKeyFile: string
}

/** How a certificate may differ from a good one. */
export interface IssueOptions {
  /** When it ceases to be valid; default is in a week. */
  readonly notAfter?: Date
}

/** A certificate authority of one test's own. Servers of the test trust it by the file; the machine never does. */
export class TestCa implements AsyncDisposable {
  /** The authority's certificate as PEM. */
  readonly certificate: string
  /** The file that holds it: for `network.ca_file`. */
  readonly caFile: string
  readonly #directory: string
  readonly #keys: webcrypto.CryptoKeyPair
  readonly #root: x509.X509Certificate

  private constructor(directory: string, keys: webcrypto.CryptoKeyPair, root: x509.X509Certificate) {
    this.#directory = directory
    this.#keys = keys
    this.#root = root
    this.certificate = root.toString('pem')
    this.caFile = join(directory, 'ca.pem')
  }

  /** Makes an authority, with a temporary directory for what it issues. */
  static async create(): Promise<TestCa> {
    const keys = await newKeys()
    const root = await x509.X509CertificateGenerator.createSelfSigned({
      ...validity(),
      name: `CN=Test authority ${serialNumber().slice(2, 10)}`,
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    const ca = new TestCa(await mkdtemp(join(tmpdir(), 'hearth-ca-')), keys, root)
    await writeFile(ca.caFile, ca.certificate)
    return ca
  }

  /**
   * Issues a server's certificate.
   *
   * @param hosts DNS names and IP addresses that it is for; at least one
   */
  async issue(hosts: string | readonly string[], { notAfter }: IssueOptions = {}): Promise<IssuedCertificate> {
    const names = [hosts].flat()
    const keys = await newKeys()
    const issued = await x509.X509CertificateGenerator.create({
      ...validity(notAfter),
      subject: `CN=${names[0]}`,
      issuer: this.#root.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(this.#root),
      ],
    })
    const certificate = issued.toString('pem')
    const privateKey = x509.PemConverter.encode(
      await webcrypto.subtle.exportKey('pkcs8', keys.privateKey),
      'PRIVATE KEY',
    )
    const file = join(this.#directory, randomBytes(6).toString('hex'))
    const [certificateFile, privateKeyFile] = [`${file}.crt`, `${file}.key`]
    await Promise.all([writeFile(certificateFile, certificate), writeFile(privateKeyFile, privateKey)])
    return { certificate, privateKey, certificateFile, privateKeyFile }
  }

  /** Has this process trust the authority wherever it is not told otherwise, `fetch` included, until that is disposed. */
  trust(): Disposable {
    const before = getCACertificates('default')
    setDefaultCACertificates([...before, this.certificate])
    return { [Symbol.dispose]: () => setDefaultCACertificates(before) }
  }

  /** Removes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true })
  }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

function validity(notAfter = new Date(Date.now() + 7 * dayMs)) {
  return {
    serialNumber: serialNumber(),
    // Clocks of containers differ.
    notBefore: new Date(Math.min(Date.now(), notAfter.getTime()) - dayMs),
    notAfter,
  }
}

/** Positive, as X.509 wants it. */
function serialNumber(): string {
  return `01${randomBytes(8).toString('hex')}`
}
