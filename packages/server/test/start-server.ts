import { createLogger } from '@hearth/runtime'
import { loadConfig, startServer, type HearthServer } from '../src/index.ts'

/** A server in this process, with what it logs. */
export async function startLogged(
  settings: Readonly<Record<string, string>>,
): Promise<{ readonly server: HearthServer; readonly lines: readonly string[] }> {
  const lines: string[] = []
  const sink = { write: (line: string) => void lines.push(line), flush: () => undefined }
  const environment = { HEARTH_LISTEN: 'http://127.0.0.1:0', ...settings }
  const { config } = loadConfig({ environment, workingDirectory: import.meta.dirname })
  return { server: await startServer(config, createLogger({ level: 'info', pretty: false, sink })), lines }
}
