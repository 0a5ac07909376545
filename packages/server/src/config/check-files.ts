import { X509Certificate } from 'node:crypto'
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { ConfigError } from './config-error.ts'
import type { LoadedConfig } from './load-config.ts'

/**
 * Opens what the configuration names: files that must be readable, a certificate and its key that must belong
 * together, authorities that are certificates, a data directory that must not be a file.
 * @throws ConfigError with every problem
 */
export function checkFiles({ config, assignments }: LoadedConfig): void {
  const originOf = (key: string) => assignments.find(({ setting }) => setting.key === key)?.origin ?? 'default'
  const { certificate, privateKey } = config.tls
  const files: [string, string | undefined][] = [
    ['tls.certificate', certificate],
    ['tls.private_key', privateKey],
    ['network.ca_file', config.network.caFile],
    ...config.appservices.map((file): [string, string] => ['appservices', file]),
  ]
  const problems = files.flatMap(([key, file]) => {
    const failure = file && failureOf(() => accessSync(file, constants.R_OK))
    return failure ? [`${originOf(key)}: ${key}: ${failure}`] : []
  })
  const { caFile } = config.network
  if (caFile && problems.length === 0) {
    const failure = failureOf(() => checkAuthorities(readFileSync(caFile, 'utf8')))
    if (failure) problems.push(`${originOf('network.ca_file')}: network.ca_file: ${failure}`)
  }
  if (certificate && privateKey && problems.length === 0) {
    const failure = failureOf(() =>
      createSecureContext({ cert: readFileSync(certificate), key: readFileSync(privateKey) }),
    )
    if (failure)
      problems.push(`${originOf('tls.certificate')}: tls.certificate: not usable with tls.private_key: ${failure}`)
  }
  if (statSync(config.dataDir, { throwIfNoEntry: false })?.isDirectory() === false) {
    problems.push(`${originOf('data_dir')}: data_dir: ${config.dataDir} is not a directory`)
  }
  if (problems.length > 0) throw new ConfigError(problems)
}

/** OpenSSL passes over what it cannot read. */
function checkAuthorities(pem: string): void {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  if (certificates.length === 0) throw new Error('there is no certificate in it')
  for (const certificate of certificates) new X509Certificate(certificate)
}

function failureOf(action: () => void): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
