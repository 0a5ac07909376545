import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { UsageError } from './command.ts'

/** Asks for a new password, twice and without showing it, on a terminal; else takes the first line of the input. */
export async function readPassword(input: NodeJS.ReadStream, output: NodeJS.WritableStream): Promise<string> {
  if (!input.isTTY) return checked(await firstLine(input))
  const password = checked(await ask(input, output, 'Password: '))
  if ((await ask(input, output, 'Once more: ')) !== password) throw new UsageError('the two passwords differ')
  return password
}

function checked(password: string): string {
  if (password === '') throw new UsageError('no password was given')
  return password
}

async function firstLine(input: NodeJS.ReadStream): Promise<string> {
  const lines = createInterface({ input, crlfDelay: Infinity })
  for await (const line of lines) return line
  return ''
}

async function ask(input: NodeJS.ReadStream, output: NodeJS.WritableStream, question: string): Promise<string> {
  // The line editor echoes what is typed to its output: to this one, which shows nothing.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const editor = createInterface({ input, output: silent, terminal: true })
  output.write(question)
  const interrupted = new Promise<never>((_, reject) => {
    editor.once('SIGINT', () => reject(new UsageError('interrupted')))
  })
  try {
    return await Promise.race([editor.question(''), interrupted])
  } finally {
    editor.close()
    output.write('\n')
  }
}
