import { inspectPostgres } from '@hearth/store'
import { error, ok, skipped, warning, type Check, type Finding } from '../finding.ts'

const WARN_MS = 5_000
const WRONG_MS = 60_000
const fix = 'timedatectl set-ntp true'

/** The clock agrees with that of the database, and with that of a server elsewhere. */
export const checkClock: Check = async ({ config, requests, now }, signal) => {
  const findings: Finding[] = []
  if (config.databaseUrl !== undefined) {
    const asked = now()
    const found = await inspectPostgres(config.databaseUrl).catch(() => undefined)
    if (found) findings.push(compare("the database's", found.nowMs, (asked + now()) / 2, now() - asked))
  }
  const [notary] = config.federation.enabled ? config.federation.notaries : []
  if (notary !== undefined) {
    const asked = now()
    const answer = await requests
      .ask(new URL(`https://${notary}/_matrix/key/v2/server`), { signal })
      .catch(() => undefined)
    const date = Date.parse(answer?.headers.date ?? '')
    // The header has whole seconds.
    if (!Number.isNaN(date)) findings.push(compare(`that of ${notary}`, date + 500, (asked + now()) / 2, now() - asked))
  }
  return findings.length > 0 ? findings : [skipped('there is no other clock to compare with')]
}

function compare(whose: string, theirs: number, ours: number, tookMs: number): Finding {
  const offMs = Math.max(0, Math.abs(theirs - ours) - tookMs / 2)
  const message = `the clock differs from ${whose} by ${(offMs / 1000).toFixed(1)} seconds`
  if (offMs >= WRONG_MS) return error(`${message}: other servers will not believe what is signed`, fix)
  return offMs >= WARN_MS ? warning(message, fix) : ok(message)
}
