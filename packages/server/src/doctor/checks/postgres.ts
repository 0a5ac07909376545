import { inspectPostgres, UnsuitableDatabase, type PostgresInspection } from '@hearth/store'
import { error, ok, reasonOf, warning, type Check, type Finding } from '../finding.ts'

/** Connections that one process may have: the pool, the one for reads, those of a migration. */
const CONNECTIONS_OF_A_PROCESS = 13
/** Settings that make a commit mean less than it says. */
const safety = ['fsync', 'full_page_writes', 'synchronous_commit'] as const
const MIB = 1024 * 1024

/** PostgreSQL is of a version, with a collation and with settings that Hearth can rely on. */
export const checkPostgres: Check = async ({ config }) => {
  if (config.databaseUrl === undefined) return [ok("Hearth's own PostgreSQL, whose settings are its own as well")]
  let found: PostgresInspection
  try {
    found = await inspectPostgres(config.databaseUrl)
  } catch (failure) {
    if (failure instanceof UnsuitableDatabase)
      return [error(failure.message.split('\n')[0]!, lastLines(failure.message))]
    return [
      error(`the database cannot be reached: ${reasonOf(failure)}`, 'database_url: the host, the port, the password'),
    ]
  }
  const findings = [...checkSettings(found), ...checkConnections(found)]
  if (found.serverName !== undefined && found.serverName !== config.serverName) {
    findings.push(error(`the database belongs to ${found.serverName}`, `server_name: ${found.serverName}`))
  }
  const { version, databaseName } = found
  return [ok(`PostgreSQL ${version}, database ${databaseName}, sorted by bytes`), ...findings]
}

function lastLines(message: string): string {
  return message.split('\n').slice(1).join(' ').trim() || 'another database'
}

function checkSettings({ settings }: PostgresInspection): Finding[] {
  const findings = safety
    .filter((name) => settings[name] === 'off')
    .map((name) => error(`${name} is off: what was acknowledged can be lost`, `alter system set ${name} = on;`))
  if (settings['autovacuum'] === 'off') {
    findings.push(error('autovacuum is off: tables grow without end', 'alter system set autovacuum = on;'))
  }
  const isolation = settings['default_transaction_isolation']
  if (isolation !== 'read committed') {
    const fix = "alter system set default_transaction_isolation = 'read committed';"
    findings.push(error(`default_transaction_isolation is ${isolation}`, fix))
  }
  const buffers = Number(settings['shared_buffers'])
  if (buffers < 128 * MIB) {
    const fix = "alter system set shared_buffers = '256MB'; and start PostgreSQL again"
    findings.push(warning(`shared_buffers is only ${Math.round(buffers / MIB)} MB`, fix))
  }
  return findings
}

function checkConnections({ maxConnections, otherConnections }: PostgresInspection): Finding[] {
  const left = maxConnections - otherConnections
  const fix = 'alter system set max_connections = 200; and start PostgreSQL again'
  if (left < CONNECTIONS_OF_A_PROCESS) {
    return [
      error(`of ${maxConnections} connections ${left} are left; one process may take ${CONNECTIONS_OF_A_PROCESS}`, fix),
    ]
  }
  const processes = Math.floor(left / CONNECTIONS_OF_A_PROCESS)
  if (processes < 2) return [warning(`the connections left (${left}) are enough for one process, not for two`, fix)]
  return [ok(`the connections left (${left}) are enough for ${processes} processes`)]
}
