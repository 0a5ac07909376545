import { runCommandLine } from './cli/run.ts'
import { startServer } from './compose.ts'
import { diagnose } from './compose/diagnose.ts'
import { createAccount, createToken, migrateDatabase, rotateKey } from './compose/maintenance.ts'

const status = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  workingDirectory: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  actions: { createAccount, createToken, diagnose, migrateDatabase, rotateKey, startServer },
})
process.exit(status)
