import { describe, expect, it } from 'vitest'
import { configSchema } from '../packages/server/src/generated/config.ts'
import { settingsOf } from '../packages/server/src/config/settings.ts'
import { configurationPage } from './configuration-page.ts'

describe('docs/configuration.md', () => {
  it('has every setting once', () => {
    const rows = configurationPage(configSchema).split('\n')
    for (const { key } of settingsOf(configSchema)) {
      expect(rows.filter((row) => row.startsWith(`| \`${key}\` |`))).toHaveLength(1)
    }
  })
})
