import { forbidden, type JsonObject } from '@hearth/protocol'
import { createLogger, FakeClock } from '@hearth/runtime'
import { Store } from '@hearth/store'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlowEngine } from '../src/accounts/flows/flow-engine.ts'
import type { Flow, Stage } from '../src/accounts/flows/flow.ts'
import { FlowSessions } from '../src/accounts/flows/flow-sessions.ts'
import { InteractiveAuth } from '../src/accounts/flows/interactive-auth.ts'
import { listFlows, StagedAuth } from '../src/accounts/flows/staged-auth.ts'
import { dummyStage } from '../src/accounts/flows/stages/dummy.ts'
import { requiredString } from '../src/accounts/flows/submission.ts'

/** A stage of two requests, as one that sends a code by mail: the first gives an address, the second the code. */
const codeStage: Stage = {
  type: 'm.login.email.code',
  parameters: () => ({ digits: 3 }),
  async attempt({ submission, state }) {
    if (state === undefined) {
      return { outcome: 'pending', state: { email: requiredString(submission, 'email'), code: '123' } }
    }
    if (requiredString(submission, 'code') !== state['code']) throw forbidden('The code is wrong')
    return { outcome: 'passed', proof: { email: state['email']! } }
  },
}

const wordStage: Stage = {
  type: 'm.login.word',
  async attempt({ submission }) {
    if (submission['word'] !== 'friend') throw forbidden('Not the word')
    return { outcome: 'passed', proof: { word: 'friend' } }
  },
}

const stages = [codeStage, wordStage, dummyStage]
const flows: readonly Flow[] = [
  ['m.login.email.code', 'm.login.word'],
  ['m.login.word', 'm.login.dummy'],
]

const establish = async (): Promise<JsonObject> => ({})

let database: TestDatabase
let store: Store
let interactive: InteractiveAuth
let staged: StagedAuth
const clock = new FakeClock()

beforeAll(async () => {
  database = await createTestDatabase()
  store = await Store.open({ url: database.url, logger: createLogger({ level: 'error' }) })
  const engine = new FlowEngine({ sessions: new FlowSessions({ store, clock }) })
  interactive = new InteractiveAuth({ engine })
  staged = new StagedAuth({ engine })
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

describe('the founding generation', () => {
  const submit = (body: JsonObject): ReturnType<StagedAuth['submit']> =>
    staged.submit({ purpose: 'test', flows, stages, body, ip: '192.0.2.1' })
  const answerTo = async (body: JsonObject): Promise<JsonObject> => {
    const outcome = await submit(body)
    if (outcome.kind !== 'next') throw new Error('the flow is complete')
    return outcome.answer
  }

  it('[C-008] [C-031] lists flows of several stages with all of them, the first one as type', () => {
    expect(listFlows([['a'], ['b', 'c']])).toEqual([{ type: 'a' }, { type: 'b', stages: ['b', 'c'] }])
  })

  it('[C-032] a stage may take several requests, all with one session', async () => {
    const first = await answerTo({ type: 'm.login.email.code', email: 'a@example.org' })
    expect(first).toEqual({ type: 'm.login.email.code', session: expect.any(String) as string })
    const session = first['session']!
    const wrong = submit({ type: 'm.login.email.code', session, code: '321' })
    await expect(wrong).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
    expect(await answerTo({ type: 'm.login.email.code', session, code: '123' })).toEqual({
      next: 'm.login.word',
      session,
    })
    const last = await submit({ type: 'm.login.word', session, word: 'friend' })
    expect(last.kind === 'complete' && Object.fromEntries(last.proofs)).toEqual({
      'm.login.email.code': { email: 'a@example.org' },
      'm.login.word': { word: 'friend' },
    })
  })

  it('[C-013] stages come in their order', async () => {
    const { session } = await answerTo({ type: 'm.login.word', word: 'friend' })
    await expect(submit({ type: 'm.login.email.code', session: session!, email: 'a' })).rejects.toMatchObject({
      status: 400,
      message: 'Bad login type',
    })
    expect((await submit({ type: 'm.login.dummy', session: session! })).kind).toBe('complete')
    await expect(submit({ type: 'm.login.dummy' })).rejects.toMatchObject({ message: 'Missing JSON keys' })
  })

  it('a stage that is not passed opens no session', async () => {
    const count = async (): Promise<unknown> => store.database.query(null, 'select count(*) from flow_sessions')
    const before = await count()
    await expect(submit({ type: 'm.login.word', word: 'foe' })).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
    expect(await count()).toEqual(before)
  })

  it('a session ends 15 minutes after its last success', async () => {
    const { session } = await answerTo({ type: 'm.login.email.code', email: 'a' })
    await clock.advance(14 * 60_000)
    await answerTo({ type: 'm.login.email.code', session: session!, code: '123' })
    await clock.advance(14 * 60_000)
    await expect(submit({ type: 'm.login.word', session: session!, word: 'foe' })).rejects.toMatchObject({
      errcode: 'M_FORBIDDEN',
    })
    await clock.advance(60_000)
    await expect(submit({ type: 'm.login.word', session: session!, word: 'friend' })).rejects.toMatchObject({
      status: 400,
    })
  })
})

describe('today’s generation', () => {
  const authorize = (auth?: JsonObject, purpose = 'test'): ReturnType<InteractiveAuth['authorize']> =>
    interactive.authorize({ purpose, flows, stages, body: { x: 1, ...(auth && { auth }) }, establish, ip: '192.0.2.1' })
  const challengeOf = async (auth?: JsonObject): Promise<JsonObject> => {
    const outcome = await authorize(auth)
    if (outcome.kind !== 'challenge') throw new Error('the flow is complete')
    return outcome.challenge
  }

  it('lists flows, parameters of stages, and what is completed', async () => {
    const first = await challengeOf()
    expect(first).toEqual({
      flows: flows.map((flow) => ({ stages: flow })),
      params: { 'm.login.email.code': { digits: 3 } },
      session: expect.any(String) as string,
      completed: [],
    })
    const session = first['session']!
    const wrong = await challengeOf({ type: 'm.login.word', word: 'foe', session })
    expect(wrong).toMatchObject({ errcode: 'M_FORBIDDEN', error: 'Not the word', session, completed: [] })
    const right = await challengeOf({ type: 'm.login.word', word: 'friend', session })
    expect(right).toMatchObject({ session, completed: ['m.login.word'] })
    expect(right).not.toHaveProperty('errcode')
  })

  it('takes the stages of a flow in any order', async () => {
    const { session } = await challengeOf({ type: 'm.login.word', word: 'friend' })
    await challengeOf({ type: 'm.login.email.code', session: session!, email: 'a' })
    const last = await authorize({ type: 'm.login.email.code', session: session!, code: '123' })
    expect(last).toMatchObject({ kind: 'complete', session: { id: session } })
  })

  it('a completed session stays so for a request without a stage, until it is used', async () => {
    const { session } = await challengeOf({ type: 'm.login.word', word: 'friend' })
    await authorize({ type: 'm.login.dummy', session: session! })
    expect((await authorize({ session: session! })).kind).toBe('complete')
  })

  it('completing stages at the same time loses none', async () => {
    const { session } = await challengeOf()
    const outcomes = await Promise.all([
      authorize({ type: 'm.login.word', word: 'friend', session: session! }),
      authorize({ type: 'm.login.dummy', session: session! }),
    ])
    expect(outcomes.map(({ kind }) => kind)).toContain('complete')
  })

  it('a session of another purpose is no session', async () => {
    const { session } = await challengeOf({ type: 'm.login.word', word: 'friend' })
    const other = await authorize({ type: 'm.login.dummy', session: session! }, 'something else')
    expect(other).toMatchObject({ kind: 'challenge', challenge: { errcode: 'M_UNKNOWN', completed: [] } })
  })

  it('[SEC-53] needs a stage of the flows', async () => {
    for (const auth of [{ type: 'm.login.made_up' }, { type: 'm.login.dummy' }, {}]) {
      expect((await challengeOf(auth))['flows']).toBeDefined()
    }
  })
})
