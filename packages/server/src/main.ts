import type { ServerActions } from './cli/command.ts'
import { runCommandLine } from './cli/run.ts'
import { startServer } from './start-server.ts'

const actions: ServerActions = {
  startServer,
  // Each loads most of the server: only what is asked for does.
  backUp: async (...given) => (await import('./compose/backup.ts')).backUp(...given),
  createAccount: async (...given) => (await import('./compose/maintenance.ts')).createAccount(...given),
  createToken: async (...given) => (await import('./compose/maintenance.ts')).createToken(...given),
  diagnose: async (...given) => (await import('./compose/diagnose.ts')).diagnose(...given),
  migrateDatabase: async (...given) => (await import('./compose/maintenance.ts')).migrateDatabase(...given),
  restore: async (...given) => (await import('./compose/backup.ts')).restore(...given),
  rotateKey: async (...given) => (await import('./compose/maintenance.ts')).rotateKey(...given),
}

const status = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  workingDirectory: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  actions,
})
process.exit(status)
