import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MinHeap } from './min-heap.ts'

it('a heap gives its items in order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (numbers) => {
      const heap = new MinHeap<number>((a, b) => a - b)
      for (const number of numbers) heap.push(number)
      expect(numbers.map(() => heap.pop())).toEqual([...numbers].sort((a, b) => a - b))
      expect(heap.pop()).toBeUndefined()
    }),
  )
})

it('a heap takes items between', () => {
  const heap = new MinHeap<number>((a, b) => a - b)
  heap.push(3)
  heap.push(1)
  expect(heap.pop()).toBe(1)
  heap.push(2)
  expect([heap.pop(), heap.pop(), heap.pop()]).toEqual([2, 3, undefined])
})
