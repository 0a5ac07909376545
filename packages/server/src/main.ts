import { runCommandLine } from './cli/run.ts'
import { startServer } from './compose.ts'
import { backUp, restore } from './compose/backup.ts'
import { diagnose } from './compose/diagnose.ts'
import { createAccount, createToken, migrateDatabase, rotateKey } from './compose/maintenance.ts'

const status = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  workingDirectory: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  actions: { backUp, createAccount, createToken, diagnose, migrateDatabase, restore, rotateKey, startServer },
})
process.exit(status)
