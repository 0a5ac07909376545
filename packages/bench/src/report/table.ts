import type { Report } from './report.ts'
import { formatNumber, rowsOf, speedOf, targetMachinePuts } from './report.ts'

/** The report for a terminal. */
export function textOf(report: Report): string {
  const rows = rowsOf(report)
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      // Names to the left, numbers to the right.
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
  return [...calibrationLines(report), '', ...lines].join('\n')
}

/** The report as the section of a Markdown document. */
export function markdownOf(report: Report): string {
  const [header = [], ...rows] = rowsOf(report)
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const alignment = header.map((_, column) => (column < 2 ? '---' : '---:'))
  const calibration = calibrationLines(report).map((text) => `* ${text}`)
  return [...calibration, '', line(header), line(alignment), ...rows.map(line)].join('\n')
}

function calibrationLines(report: Report): string[] {
  const { at, scale, calibration, servers } = report
  const speed = speedOf(report)
  const rounds = Math.max(...servers.map((server) => server.rounds.length))
  const failures = servers.flatMap((server) => server.failures.map((failure) => ({ server: server.name, ...failure })))
  const { commitsPerSecond } = calibration
  return [
    `${at.slice(0, 10)}, medians of ${rounds} round${rounds === 1 ? '' : 's'}` +
      `${scale === 'quick' ? ', QUICK (not comparable)' : ''}: ` +
      servers.map(({ name, version }) => `${name} ${version}`).join(', '),
    `Machine: ${calibration.cores} × ${calibration.cpu}, ${calibration.memoryGb} GB, Node ${calibration.node}; ` +
      'server, PostgreSQL and load generator share it',
    `Calibration: bare Express ${formatNumber(calibration.expressPutsPerSecond)} PUT/s, ` +
      `${formatNumber(calibration.durableAppendsPerSecond)} durable appends/s` +
      (commitsPerSecond
        ? `, bare PostgreSQL ${formatNumber(commitsPerSecond.one)} commits/s from one connection and ` +
          `${formatNumber(commitsPerSecond.many)} from 32`
        : ''),
    ...(speed < 1
      ? [
          `Speed: ${formatNumber(speed)} of the machine that the targets were set on (bare Express ` +
            `${formatNumber(targetMachinePuts)} PUT/s); the last column has what they come to at that speed`,
        ]
      : []),
    ...failures.map(
      ({ server, scenario, round, reason }) => `${server} failed ${scenario} in round ${round}: ${reason}`,
    ),
  ]
}
