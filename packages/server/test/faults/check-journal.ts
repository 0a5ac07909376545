import type { Journal, Write } from './journal.ts'
import type { StoredTruth, TrueEvent } from './stored-truth.ts'

/**
 * Whether what clients were told is what is stored: everything acknowledged is there once, nothing is there that nobody
 * asked for, and every position is accounted for.
 */
export function checkJournal(journal: Journal, truth: StoredTruth, unused: readonly number[]): string[] {
  const problems: string[] = []
  const events = new Map<string, TrueEvent>()
  const byUuid = new Map<string, TrueEvent[]>()
  for (const event of [...truth.rooms.values()].flatMap((room) => room.events)) {
    events.set(event.eventId, event)
    const { uuid = event.content['reason'] } = event.content
    if (typeof uuid !== 'string') continue
    byUuid.set(uuid, [...(byUuid.get(uuid) ?? []), event])
  }
  const redacted = new Set(journal.writes.flatMap(({ redacts }) => redacts?.uuid ?? []))
  for (const write of journal.writes) {
    const found = byUuid.get(write.uuid) ?? []
    byUuid.delete(write.uuid)
    for (const problem of problemsOf(write, found, events, redacted, truth)) {
      problems.push(`${write.kind} ${write.uuid} (${write.attempts} attempts, answer ${write.result}): ${problem}`)
    }
  }
  for (const uuid of byUuid.keys()) problems.push(`an event holds ${uuid}, which nobody sent`)
  return [...problems, ...checkAccountData(journal, truth, unused)]
}

function* problemsOf(
  write: Write,
  found: readonly TrueEvent[],
  events: ReadonlyMap<string, TrueEvent>,
  redacted: ReadonlySet<string>,
  truth: StoredTruth,
): Iterable<string> {
  if (write.acknowledgments === 0) {
    if (write.kind !== 'room') yield 'it never succeeded'
    return
  }
  switch (write.kind) {
    case 'account data':
      return
    case 'room':
      if (!truth.rooms.has(write.result!)) yield 'there is no such room'
      return
    case 'membership':
      if (found.length !== 1) yield `it is stored ${found.length} times`
      return
    default: {
      const isRedacted = redacted.has(write.uuid)
      const event = events.get(write.result!)
      if (!event) yield 'it is not stored'
      else if (event.isRedacted !== isRedacted) yield `it is ${event.isRedacted ? '' : 'not '}redacted`
      if (found.length !== (isRedacted ? 0 : 1)) yield `it is stored ${found.length} times`
      else if (!isRedacted && found[0]!.eventId !== write.result) yield `it is stored as ${found[0]!.eventId}`
    }
  }
}

function checkAccountData(journal: Journal, truth: StoredTruth, unused: readonly number[]): string[] {
  const problems: string[] = []
  const writes = journal.writes.filter(({ kind }) => kind === 'account data')
  const last = new Map(writes.map((write) => [`${write.userId} ${write.dataType}`, write]))
  for (const [key, write] of last) {
    const uuid = truth.accountData.get(key)?.['uuid']
    if (uuid !== write.uuid) problems.push(`account data ${key} holds ${JSON.stringify(uuid)}, not ${write.uuid}`)
  }
  // Account data that is set again leaves its old position empty, and nothing else does.
  const acknowledged = writes.reduce((sum, { acknowledgments }) => sum + acknowledgments, 0)
  const attempted = writes.reduce((sum, { attempts }) => sum + attempts, 0)
  const [least, most] = [acknowledged - truth.accountData.size, attempted - truth.accountData.size]
  if (unused.length < least || unused.length > most) {
    problems.push(
      `${unused.length} positions hold nothing, instead of ${least} to ${most}: ${unused.slice(0, 20).join()}`,
    )
  }
  return problems
}
