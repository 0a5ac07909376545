import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

interface Service {
  readonly image: string
  readonly environment?: Readonly<Record<string, string>>
  readonly ports: readonly string[]
  readonly volumes?: readonly string[]
  readonly healthcheck: { readonly test: readonly string[] }
}

describe('docker-compose.yml', () => {
  const text = readFileSync(new URL('../../../docker-compose.yml', import.meta.url), 'utf8')
  const file = parse(text) as { services: Record<string, Service>; volumes: Record<string, unknown> }

  it.each(Object.entries(file.services))('lets %s be waited for, and reached from this machine only', (_, service) => {
    expect(service.image).toMatch(/^[a-z]+:\d+$/)
    expect(service.healthcheck.test[0]).toBe('CMD')
    for (const port of service.ports) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/)
    for (const volume of service.volumes ?? []) expect(file.volumes).toHaveProperty([volume.split(':')[0]!])
  })

  it('makes a database that Hearth accepts', () => {
    expect(file.services['postgres']!.environment!['POSTGRES_INITDB_ARGS']).toBe('--locale=C --encoding=UTF8')
  })
})
