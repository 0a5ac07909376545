import type { Calibration } from '../calibration/calibrate.ts'
import { median } from '../load/statistics.ts'
import { metric, metrics } from '../metrics.ts'
import type { Measurements, Metric, MetricName } from '../metrics.ts'

/** A scenario that a server did not stand. */
export interface Failure {
  readonly scenario: string
  readonly round: number
  readonly reason: string
}

/** One server's rounds. */
export interface ServerResult {
  readonly name: string
  readonly version: string
  /** What a run measures once: starts and memory. */
  readonly once: Measurements
  readonly rounds: readonly Measurements[]
  readonly failures: readonly Failure[]
}

/** All that one run of the benchmark found out; this is what the JSON file holds. */
export interface Report {
  readonly at: string
  readonly scale: 'normal' | 'quick'
  readonly calibration: Calibration
  readonly servers: readonly ServerResult[]
}

/** The median of each figure that any round measured, in the order of the report. */
export function mediansOf({ once, rounds }: ServerResult): Map<MetricName, number> {
  const medians = new Map<MetricName, number>()
  for (const name of Object.keys(metrics) as MetricName[]) {
    const values = [once, ...rounds].flatMap((round) => round[name] ?? [])
    if (values.length > 0) medians.set(name, median(values))
  }
  return medians
}

/** How many times better the first is than the second. */
export function ratio({ better }: Metric, ours: number, theirs: number): number {
  return better === 'higher' ? ours / theirs : theirs / ours
}

/** What a bare Express served on the machine that the targets were set on. */
export const targetMachinePuts = 20_000

/** How fast the machine of a run is, as a share of the one that the targets were set on: 1 when it is as fast or faster. */
export function speedOf({ calibration }: Report): number {
  return Math.min(1, calibration.expressPutsPerSecond / targetMachinePuts)
}

/**
 * The rows of the report's table: title, unit, a value for each server, the ratio of the first two, and the target. On a
 * machine that is slower than that of the targets a further column has what they come to there, beside them.
 */
export function rowsOf(report: Report): string[][] {
  const speed = speedOf(report)
  const columns = report.servers.map(mediansOf)
  const [ours, theirs] = columns
  const names = (Object.keys(metrics) as MetricName[]).filter((name) => columns.some((column) => column.has(name)))
  const header = ['figure', 'unit', ...report.servers.map(({ name }) => name), ...(theirs ? ['ratio'] : []), 'target']
  if (speed < 1) header.push('target for this machine’s speed')
  const rows = names.map((name) => {
    const definition = metric(name)
    const mine = ours?.get(name)
    const other = theirs?.get(name)
    const quotient = mine === undefined || other === undefined ? Number.NaN : ratio(definition, mine, other)
    return [
      definition.title,
      definition.unit,
      ...columns.map((column) => formatNumber(column.get(name))),
      ...(theirs ? [Number.isFinite(quotient) ? `${formatNumber(quotient)}×` : ''] : []),
      formatTarget(definition, mine),
      ...(speed < 1 ? [formatTarget(atSpeed(definition, speed), mine)] : []),
    ]
  })
  return [header, ...rows]
}

/** Three significant digits, and thousands without decimals. */
export function formatNumber(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return ''
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}

/** A metric with the targets that a slower machine can be held to. What is not bound by time has none of its own. */
function atSpeed(metric: Metric, speed: number): Metric {
  const { targets, ...rest } = metric
  const scale = { 'per s': speed, ms: 1 / speed, s: 1 / speed }[metric.unit as string]
  if (targets === undefined || scale === undefined) return rest
  return { ...rest, targets: { first: targets.first * scale, stretch: targets.stretch * scale } }
}

function formatTarget({ targets, better }: Metric, value: number | undefined): string {
  if (!targets) return ''
  const { first, stretch } = targets
  const text = first === stretch ? formatNumber(first) : `${formatNumber(first)} / ${formatNumber(stretch)}`
  if (value === undefined) return text
  const meets = (target: number) => (better === 'higher' ? value >= target : value <= target)
  const verdict = meets(stretch) ? 'met' : meets(first) ? 'first met' : 'missed'
  return `${text} ${verdict}`
}
