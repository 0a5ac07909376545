import { describe, expect, it } from 'vitest'
import { LruCache } from './lru-cache.ts'
import { Metrics } from './metrics.ts'

describe('a cache', () => {
  it('drops what was not used for longest when it has too many entries', () => {
    const cache = new LruCache<string, number>({ name: 'x', maxEntries: 2 })
    cache.set('a', 1)
    cache.set('b', 2)
    cache.get('a')
    cache.set('c', 3)
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3])
  })

  it('keeps what is used all the time, however much comes and goes', () => {
    const cache = new LruCache<number, string>({ name: 'x', maxEntries: 100 })
    cache.set(-1, 'in use')
    for (let key = 0; key < 1_000; key++) {
      cache.set(key, 'once')
      if (key % 10 === 0) expect(cache.get(-1)).toBe('in use')
    }
    expect([cache.size, cache.has(999), cache.has(900), cache.has(899)]).toEqual([100, true, false, false])
  })

  it('drops as much as it takes when it has too many bytes', () => {
    const cache = new LruCache<string, string>({ name: 'x', maxBytes: 10, sizeOf: (value) => value.length })
    cache.set('a', '1234')
    cache.set('b', '1234')
    cache.set('c', '12345678')
    expect([cache.size, cache.bytes, cache.has('c')]).toEqual([1, 8, true])
  })

  it('does not keep what is larger than itself, nor the value that it was to replace', () => {
    const cache = new LruCache<string, string>({ name: 'x', maxBytes: 3, sizeOf: (value) => value.length })
    cache.set('a', '12')
    cache.set('a', '1234')
    expect([cache.get('a'), cache.size, cache.bytes]).toEqual([undefined, 0, 0])
  })

  it('counts a value that is replaced or deleted once', () => {
    const cache = new LruCache<string, string>({ name: 'x', maxBytes: 10, sizeOf: (value) => value.length })
    cache.set('a', '1234')
    cache.set('a', '12')
    expect(cache.bytes).toBe(2)
    expect([cache.delete('a'), cache.delete('a'), cache.bytes]).toEqual([true, false, 0])
    cache.set('b', '1')
    cache.clear()
    expect([cache.size, cache.bytes]).toEqual([0, 0])
  })

  it('needs a bound', () => {
    expect(() => new LruCache({ name: 'x' })).toThrow('a cache needs a bound')
  })

  it('publishes its size and its use, next to others', async () => {
    const metrics = new Metrics()
    const cache = new LruCache<string, number>({ name: 'x', maxEntries: 2, metrics })
    new LruCache<string, number>({ name: 'y', maxEntries: 2, metrics }).set('a', 1)
    cache.set('a', 1)
    cache.get('a')
    cache.get('b')
    await metrics.text()
    const text = await metrics.text()
    expect(text).toContain('hearth_cache_entries{cache="x"} 1')
    expect(text).toContain('hearth_cache_bytes{cache="y"} 1')
    expect(text).toContain('hearth_cache_hits_total{cache="x"} 1')
    expect(text).toContain('hearth_cache_misses_total{cache="x"} 1')
  })
})
