import { describe, expect, it } from 'vitest'
import { parseEdus, parsePdus } from './parse-items.ts'
import { splitTransaction } from './transaction-text.ts'

const split = (text: string) => splitTransaction(Buffer.from(text))
const texts = (text: string) => {
  const { pdus, edus } = split(text)
  return { pdus: pdus.map((item) => item.text), edus: edus.map((item) => item.text) }
}

describe('splitTransaction', () => {
  it.each([
    ['{"pdus":[]}', { pdus: [], edus: [] }],
    [
      '{"edus":[{"a":1}],"origin":"x","origin_server_ts":5,"pdus":[{},{"b":"]"}]}',
      { pdus: ['{}', '{"b":"]"}'], edus: ['{"a":1}'] },
    ],
    [
      ' { "pdus" : [ {"a" : [1, {"b":"\\"}"}] } , 5,"x",null ] , "other":[{}] } ',
      { pdus: ['{"a" : [1, {"b":"\\"}"}] }', '5', '"x"', 'null'], edus: [] },
    ],
    ['{"\\u0070dus":["\\\\"]}', { pdus: ['"\\\\"'], edus: [] }],
  ])('takes %s apart', (text, expected) => {
    expect(texts(text)).toEqual(expected)
  })

  it('tells how deep an item is nested', () => {
    expect(split('{"pdus":[{"a":[[{}]],"b":"[[[["},[],1]}').pdus.map(({ depth }) => depth)).toEqual([4, 1, 0])
  })

  it.each([
    '',
    '{',
    '[]',
    '"x"',
    '{"pdus":[}',
    '{"pdus":[1 2]}',
    '{"pdus":[1,]}',
    '{"pdus":[]}x',
    '{"pdus":[],}',
    '{pdus:[]}',
    '{"pdus" []}',
    '{"pdus":["]}',
    '{"pdus":[],"x":tru}',
    '{"pdus":[],"x":{"a"}}',
    '{"\\x":1}',
  ])('refuses %s, which is not JSON', (text) => {
    expect(() => split(text)).toThrow(expect.objectContaining({ errcode: 'M_NOT_JSON' }))
  })

  it.each([
    '{}',
    '{"pdus":null}',
    '{"pdus":{}}',
    '{"pdus":[],"edus":{}}',
    '{"pdus":[],"edus":null}',
    '{"pdus":[],"pdus":[]}',
    '{"pdus":[],"\\u0070dus":[]}',
    '{"pdus":[],"origin_server_ts":"x"}',
    '{"pdus":[],"origin_server_ts":1.5}',
    `{"pdus":[${Array(51).fill('{}').join()}]}`,
    `{"pdus":[],"edus":[${Array(101).fill('{}').join()}]}`,
    `{"pdus":[]${Array.from({ length: 60 }, (_, i) => `,"${i}":1`).join('')}}`,
  ])('[SEC-113] [SEC-114] refuses %s, which is no transaction', (text) => {
    expect(() => split(text)).toThrow(expect.objectContaining({ errcode: 'M_BAD_JSON' }))
  })

  it('takes as much as a transaction may have', () => {
    const { pdus, edus } = split(`{"pdus":[${Array(50).fill('{}').join()}],"edus":[${Array(100).fill('{}').join()}]}`)
    expect([pdus.length, edus.length]).toEqual([50, 100])
  })

  it('refuses bytes that are not UTF-8', () => {
    expect(() => splitTransaction(Buffer.from([0x7b, 0xff]))).toThrow(
      expect.objectContaining({ errcode: 'M_NOT_JSON' }),
    )
  })

  it('comes to an end with long texts of any kind, however they are made', () => {
    const length = 2_000_000
    for (const filler of ['[', '{', '"', '\\"', '\\', ' ', '{"":', '[],', '"",', ',']) {
      const text = filler.repeat(length / filler.length)
      for (const whole of [`{"pdus":[${text}`, `{"pdus":["${text}`, `{${text}`, text])
        expect(() => split(whole)).toThrow()
    }
  })
})

describe('the items of a transaction', () => {
  const pdusOf = (text: string) => parsePdus(split(`{"pdus":[${text}]}`).pdus)
  const edusOf = (text: string) => parseEdus(split(`{"pdus":[],"edus":[${text}]}`).edus)

  it('[SEC-117] [SEC-129] are parsed each by itself', async () => {
    expect(await pdusOf('{"depth":9223372036854775808},5,null,[],"x",{"a":1}')).toEqual([{ depth: 2 ** 63 }, { a: 1 }])
    expect(await edusOf('{"n":9223372036854775808},{"a":"\\u0000"},{"a":1,"a":2},{"a":1}')).toEqual([{ a: 1 }])
  })

  it('[SEC-130] are left out when they are nested deeper than others can read', async () => {
    const nested = (depth: number) => `{"content":${'['.repeat(depth)}${']'.repeat(depth)}}`
    expect((await pdusOf(`${nested(900)},${nested(20_000)}`)).length).toBe(1)
    expect((await edusOf(`${nested(50)},${nested(900)}`)).length).toBe(1)
  })

  it('[S-28] make the whole no JSON when they are none', async () => {
    await expect(pdusOf('{"a":NaN}')).rejects.toMatchObject({ errcode: 'M_NOT_JSON' })
    await expect(edusOf('{"a":01}')).rejects.toMatchObject({ errcode: 'M_NOT_JSON' })
  })
})
