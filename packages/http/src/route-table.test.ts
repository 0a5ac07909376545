import { describe, expect, it } from 'vitest'
import { parameterNames, RouteTable } from './route-table.ts'

function tableOf(...paths: string[]): RouteTable<string> {
  const table = new RouteTable<string>()
  for (const path of paths) table.add('GET', path, path)
  return table
}

describe('a table of routes', () => {
  it('finds the route and what its parameters took', () => {
    const { found } = tableOf('/a/:x/b/:y').find('GET', '/a/1/b/%2F')
    expect(found).toEqual({ route: '/a/:x/b/:y', values: ['1', '%2F'] })
  })

  it('prefers literals, whatever the order in which routes were added', () => {
    const table = tableOf('/:x/b', '/a/:y', '/a/b')
    expect(table.find('GET', '/a/b').found).toEqual({ route: '/a/b', values: [] })
    expect(table.find('GET', '/c/b').found).toEqual({ route: '/:x/b', values: ['c'] })
  })

  it('goes back from a literal that leads nowhere', () => {
    const table = tableOf('/a/b/c', '/:x/b/d', '/a/:y/e')
    expect(table.find('GET', '/a/b/d').found).toEqual({ route: '/:x/b/d', values: ['a'] })
    expect(table.find('GET', '/a/b/e').found).toEqual({ route: '/a/:y/e', values: ['b'] })
  })

  it('takes a trailing slash for a segment of its own, and no empty segment for a parameter', () => {
    const table = tableOf('/a/:x', '/a/:x/')
    expect(table.find('GET', '/a/1/').found?.route).toBe('/a/:x/')
    expect(table.find('GET', '/a/').found).toBeUndefined()
  })

  it('names the methods of all routes that a path leads to', () => {
    const table = new RouteTable<string>()
    table.add('GET', '/a/:x', 'get')
    table.add('PUT', '/a/b', 'put')
    expect(table.find('DELETE', '/a/b')).toEqual({ found: undefined, allowed: ['PUT', 'GET'] })
    expect(table.find('GET', '/a/b').found).toEqual({ route: 'get', values: ['b'] })
    expect(table.find(undefined, '/b')).toEqual({ found: undefined, allowed: [] })
  })

  it('refuses a path that is taken, whatever its parameters are called', () => {
    expect(() => tableOf('/a/:x', '/a/:y')).toThrow('GET /a/:y is served twice')
    expect(() => tableOf('a')).toThrow('must start with a slash')
  })

  it('is not confused by segments that objects inherit', () => {
    expect(tableOf('/a').find('GET', '/constructor').found).toBeUndefined()
    expect(tableOf('/a').find('GET', '/__proto__').found).toBeUndefined()
  })
})

describe('the parameters of a path', () => {
  it('are named in order', () => {
    expect(parameterNames('/a/:x/b/:y/')).toEqual(['x', 'y'])
  })
})
