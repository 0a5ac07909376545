import { describe, expect, it } from 'vitest'
import { defaultRoomVersion, findRoomVersion, roomVersions } from './room-versions.ts'

describe('room versions', () => {
  it('are 1 to 12, all stable, 12 by default', () => {
    expect(Object.keys(roomVersions)).toEqual(Array.from({ length: 12 }, (_, i) => String(i + 1)))
    for (const [id, version] of Object.entries(roomVersions)) expect(version).toMatchObject({ id, stable: true })
    expect(defaultRoomVersion).toBe('12')
  })

  it('are found by their ids', () => {
    expect(findRoomVersion('11')).toBe(roomVersions[11])
    for (const id of ['0', '13', '01', '', 'constructor', '__proto__', 'org.example']) {
      expect(findRoomVersion(id)).toBeUndefined()
    }
  })

  it.each([
    ['stateResolution', ['v1', 'v2', ...Array<string>(9).fill('v2'), 'v2.1']],
    ['eventIds', ['assigned', 'assigned', 'hash', ...Array<string>(9).fill('url-safe-hash')]],
    ['references', ['id-and-hash', 'id-and-hash', ...Array<string>(10).fill('id')]],
    ['enforcesKeyValidity', [...Array<boolean>(4).fill(false), ...Array<boolean>(8).fill(true)]],
    ['strictCanonicalJson', [...Array<boolean>(5).fill(false), ...Array<boolean>(7).fill(true)]],
    ['integerPowerLevels', [...Array<boolean>(9).fill(false), ...Array<boolean>(3).fill(true)]],
    ['redactsIn', [...Array<string>(10).fill('event'), 'content', 'content']],
    ['roomIds', [...Array<string>(11).fill('assigned'), 'create-event']],
  ] as const)('differ in %s', (property, values) => {
    expect(Object.values(roomVersions).map((version) => version[property])).toEqual(values)
  })
})
