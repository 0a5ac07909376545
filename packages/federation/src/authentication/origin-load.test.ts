import type { ServerName } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { OriginLoad } from './origin-load.ts'

const [busy, calm] = ['busy.test', 'calm.test'] as ServerName[] as [ServerName, ServerName]
const { signal } = new AbortController()

describe('OriginLoad', () => {
  it('[SEC-112] lets a server have some requests worked on, some wait, and refuses it more', async () => {
    const load = new OriginLoad({ running: 2, waiting: 3 })
    const leaving = [await load.enter(busy, signal), await load.enter(busy, signal)]
    const waiting = [1, 2, 3].map(() => load.enter(busy, signal))
    await expect(load.enter(busy, signal)).rejects.toMatchObject({ status: 429, errcode: 'M_LIMIT_EXCEEDED' })
    // Others have nothing to do with it.
    ;(await load.enter(calm, signal))()
    for (const leave of leaving) leave()
    for (const entered of waiting) (await entered)()
    ;(await load.enter(busy, signal))()
  })

  it('lets those go who do not wait any longer', async () => {
    const load = new OriginLoad({ running: 1, waiting: 1 })
    const leave = await load.enter(busy, signal)
    const impatient = new AbortController()
    const waiting = load.enter(busy, impatient.signal)
    impatient.abort(new Error('gone'))
    await expect(waiting).rejects.toThrow('gone')
    const next = load.enter(busy, signal)
    leave()
    ;(await next)()
  })
})
