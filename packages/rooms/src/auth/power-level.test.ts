import { describe, expect, it } from 'vitest'
import { roomVersions } from '../room-versions.ts'
import { readPowerLevel } from './power-level.ts'

describe('a power level', () => {
  it.each([
    [50, 50],
    [-1, -1],
    [50.57, 50],
    [-50.57, -50],
    [-0.5, 0],
    [5.114698e4, 51146],
    ['100', 100],
    ['000100', 100],
    ['+100', 100],
    ['-100', -100],
    [' \t+00100 \n', 100],
    ['1e2', undefined],
    ['1.0', undefined],
    ['0x10', undefined],
    ['1 0', undefined],
    ['- 1', undefined],
    ['', undefined],
    ['１', undefined],
    [2 ** 53, undefined],
    [true, undefined],
    [null, undefined],
    [[1], undefined],
    [undefined, undefined],
  ])('until version 9 reads %j as %j', (value, level) => {
    expect(readPowerLevel(roomVersions[9], value)).toBe(level)
  })

  it.each([
    [50, 50],
    [-50, -50],
    [2 ** 53 - 1, 2 ** 53 - 1],
    [50.5, undefined],
    ['50', undefined],
    [2 ** 53, undefined],
    [null, undefined],
  ])('since version 10 reads %j as %j', (value, level) => {
    expect(readPowerLevel(roomVersions[10], value)).toBe(level)
  })
})
