import { describe, expect, it } from 'vitest'
import { parseXMatrixHeader } from './x-matrix-header.ts'

const plain = 'X-Matrix origin="a.test",destination="b.test",key="ed25519:k",sig="AB+/"'
const parsed = { origin: 'a.test', destination: 'b.test', key: 'ed25519:k', sig: 'AB+/' }

describe('parseXMatrixHeader', () => {
  it.each([
    ['as in the specification', plain],
    ['without quotes', 'X-Matrix origin=a.test,destination=b.test,key=ed25519:k,sig=AB+/'],
    ['with spaces and tabs', 'x-matrix   origin = "a.test" ,\tdestination="b.test" , key=ed25519:k,sig="AB+/" '],
    ['with names in upper case', 'X-MATRIX ORIGIN="a.test",Destination="b.test",Key="ed25519:k",SIG="AB+/"'],
    ['with escaped characters', 'X-Matrix origin="a\\.test",destination="b.test",key="ed2551\\9:k",sig="AB+\\/"'],
    ['in another order', 'X-Matrix sig="AB+/",key="ed25519:k",destination="b.test",origin="a.test"'],
    ['with parameters that nobody knows', `${plain},x="\\"a,b=\\\\",y=1`],
    ['with empty elements of the list', 'X-Matrix ,origin="a.test",,destination="b.test",key="ed25519:k",sig="AB+/",'],
  ])('[SEC-96] reads a header %s', (_, header) => {
    expect(parseXMatrixHeader(header)).toEqual(parsed)
  })

  it('[SEC-96] reads a header of a server that names no destination', () => {
    expect(parseXMatrixHeader('X-Matrix origin=a.test,key="ed25519:k",sig="AB"')).toMatchObject({
      origin: 'a.test',
      destination: undefined,
    })
  })

  it('[SEC-101] reads names with ports and of addresses, in quotes and without', () => {
    for (const origin of ['h:8448', '1.2.3.4:8448', '[2001:db8::1]:8448']) {
      expect(parseXMatrixHeader(`X-Matrix origin="${origin}",key=k,sig=s`)?.origin).toBe(origin)
      expect(parseXMatrixHeader(`X-Matrix origin=${origin},key=k,sig=s`)?.origin).toBe(origin)
    }
  })

  it.each([
    'X-Matrix',
    'X-Matrix ',
    'X-Matrix origin="a.test",key="ed25519:k"',
    'X-Matrix origin="a.test,key="ed25519:k",sig="AB"',
    'X-Matrix origin="a.test"key="ed25519:k",sig="AB"',
    'X-Matrix origin="a.test",key="ed25519:k",sig="AB',
    'X-Matrix origin=a b,key="ed25519:k",sig="AB"',
    'X-Matrix origin="a.test",origin="b.test",key="ed25519:k",sig="AB"',
    'X-Matrix origin="a.test",ORIGIN="a.test",key="ed25519:k",sig="AB"',
    'X-Matrix origin="a.test";key="ed25519:k";sig="AB"',
    `${plain}${',x=1'.repeat(30)}`,
    'X-MatrixY origin="a.test",key="ed25519:k",sig="AB"',
    'Bearer abc',
    '',
  ])('[SEC-93] takes nothing of %s', (header) => {
    expect(parseXMatrixHeader(header)).toBeUndefined()
  })

  it('comes to an end with the longest header, however it is made', () => {
    for (const filler of ['\\"', '"', '=', ',', ' ', 'x=', '"\\', 'a="b",']) {
      parseXMatrixHeader(`X-Matrix ${filler.repeat(16_384 / filler.length)}`)
      parseXMatrixHeader(`X-Matrix a="${filler.repeat(16_384 / filler.length)}`)
    }
  })
})
