// Writes packages/store/schema.sql: the schema that the migrations make, for the reader and for reviews.
// When: after adding a migration; `npm run check` asks with --check. TEST_DATABASE_URL names another server to make it on.
// Example: npm run migrate:dump
import { createLogger } from '@hearth/runtime'
import { Database, describeSchema } from '@hearth/store'
import { startTestPostgres } from '../packages/test-kit/src/start-test-postgres.ts'
import { writeGenerated } from './generated-file.ts'

const postgres = await startTestPostgres()
try {
  const { url } = await postgres.server.createDatabase()
  const database = await Database.open({ url, logger: createLogger({ level: 'error' }) })
  const schema = await describeSchema(database).finally(() => database.close())
  const head =
    '-- Written by `npm run migrate:dump` from the migrations, for reading. Migrations make the schema, not this file.\n\n'
  writeGenerated(new URL('../packages/store/schema.sql', import.meta.url), head + schema)
} finally {
  await postgres.stop()
}
