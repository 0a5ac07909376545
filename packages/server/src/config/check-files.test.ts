import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkFiles } from './check-files.ts'
import { loadConfig } from './load-config.ts'
import type { Environment } from './read-environment.ts'

describe('files that the configuration names', () => {
  let workingDirectory: string
  beforeEach(() => {
    workingDirectory = mkdtempSync(join(tmpdir(), 'hearth-files-'))
    writeFileSync(join(workingDirectory, 'text.pem'), 'not a certificate')
  })
  afterEach(() => rmSync(workingDirectory, { recursive: true }))

  const check = (environment: Environment) => checkFiles(loadConfig({ environment, workingDirectory }))

  it('need not be there when none is named', () => {
    expect(() => check({})).not.toThrow()
  })

  it('must be readable', () => {
    const environment = { HEARTH_NETWORK_CA_FILE: 'absent.pem', HEARTH_APPSERVICES: 'text.pem,absent.yaml' }
    expect(() => check(environment)).toThrow(
      /^HEARTH_NETWORK_CA_FILE: network.ca_file: ENOENT.*\nHEARTH_APPSERVICES: .*absent.yaml/,
    )
  })

  it('must be a certificate and its key', () => {
    const environment = { HEARTH_TLS_CERTIFICATE: 'text.pem', HEARTH_TLS_PRIVATE_KEY: 'text.pem' }
    expect(() => check(environment)).toThrow('HEARTH_TLS_CERTIFICATE: tls.certificate: not usable with tls.private_key')
  })

  it('must hold certificates when they name authorities', () => {
    expect(() => check({ HEARTH_NETWORK_CA_FILE: 'text.pem' })).toThrow(
      'HEARTH_NETWORK_CA_FILE: network.ca_file: there is no certificate in it',
    )
  })

  it('must not stand where the data directory should be', () => {
    expect(() => check({ HEARTH_DATA_DIR: 'text.pem' })).toThrow(
      /HEARTH_DATA_DIR: data_dir: .*text.pem is not a directory/,
    )
  })
})
