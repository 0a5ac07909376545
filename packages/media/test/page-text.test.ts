import { expect, it } from 'vitest'
import { pageText } from '../src/previews/page-text.ts'

async function* parts(...texts: string[]): AsyncGenerator<Buffer, undefined> {
  for (const text of texts) yield Buffer.from(text)
}

it.each([
  ['a header', `text/html; charset=${' '.repeat(2_000_000)}`, ''],
  ['a header with a quote', `text/html; charset = "${' '.repeat(2_000_000)}`, ''],
  ['a page', undefined, `<meta charset=${' '.repeat(100_000)}`],
  ['the declaration of XML', undefined, `<?xml ${'encoding = '.repeat(10_000)}`],
])('is read in time that grows with %s, not with its square', async (_, contentType, head) => {
  let text = ''
  // What takes the square of this takes an hour.
  for await (const part of pageText(parts(head, '<title>ö</title>'), contentType)) text += part
  expect(text).toBe(`${head}<title>ö</title>`)
})
