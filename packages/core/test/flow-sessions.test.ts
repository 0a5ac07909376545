import { forbidden, type JsonObject, MatrixError } from '@hearth/protocol'
import { createLogger, FakeClock } from '@hearth/runtime'
import { Store } from '@hearth/store'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlowEngine } from '../src/accounts/flows/flow-engine.ts'
import type { Flow, Stage } from '../src/accounts/flows/flow.ts'
import { FlowSessions } from '../src/accounts/flows/flow-sessions.ts'
import { InteractiveAuth, type InteractiveAuthOutcome } from '../src/accounts/flows/interactive-auth.ts'
import { dummyStage } from '../src/accounts/flows/stages/dummy.ts'

const DUMMY = dummyStage.type

const wordStage: Stage = {
  type: 'm.login.word',
  async attempt({ submission }) {
    if (submission['word'] !== 'friend') throw forbidden('Not the word')
    return { outcome: 'passed', proof: { word: 'friend' } }
  },
}

const flows: readonly Flow[] = [[DUMMY, 'm.login.word'], ['m.login.once']]

let database: TestDatabase
let store: Store
let sessions: FlowSessions
let interactive: InteractiveAuth
const clock = new FakeClock()

beforeAll(async () => {
  database = await createTestDatabase()
  store = await Store.open({ url: database.url, logger: createLogger({ level: 'error' }) })
  sessions = new FlowSessions({ store, clock })
  interactive = new InteractiveAuth({ engine: new FlowEngine({ sessions }) })
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

const second = Promise.withResolvers<void>()
const used = Promise.withResolvers<void>()
let attempts = 0

/** Passed once, as with a token for one use: by the first of two requests, which waits until the second is there. */
const onceStage: Stage = {
  type: 'm.login.once',
  async attempt() {
    if (++attempts === 1) {
      await second.promise
      return { outcome: 'passed', proof: {} }
    }
    second.resolve()
    await used.promise
    throw forbidden('It has been used')
  },
}

/** One operation, as a client sends it in several requests; its `established` says how often it was. */
class TestOperation {
  readonly body: JsonObject
  established = 0

  constructor(body: JsonObject) {
    this.body = body
  }

  /** Sends the operation with this `auth`. */
  send(auth?: JsonObject): Promise<InteractiveAuthOutcome> {
    return this.#authorize({ ...this.body, ...(auth && { auth }) })
  }

  /** Sends `auth` and nothing else. */
  sendAuth(auth: JsonObject): Promise<InteractiveAuthOutcome> {
    return this.#authorize({ auth })
  }

  #authorize(body: JsonObject): Promise<InteractiveAuthOutcome> {
    const establish = async (): Promise<JsonObject> => {
      if (body['taken'] === true) throw new MatrixError('M_USER_IN_USE', 'taken')
      return { by: ++this.established, ...this.body }
    }
    return interactive.authorize({
      purpose: 'test',
      flows,
      stages: [wordStage, dummyStage, onceStage],
      body,
      establish,
      ip: '192.0.2.1',
    })
  }
}

function sessionOf(outcome: InteractiveAuthOutcome): string {
  if (outcome.kind !== 'challenge') throw new Error(`not a challenge: ${outcome.kind}`)
  return outcome.challenge['session'] as string
}

/** Acts on a complete flow; false when it has been acted on. */
async function act(outcome: InteractiveAuthOutcome, result: JsonObject): Promise<boolean> {
  if (outcome.kind !== 'complete') throw new Error(`not complete: ${outcome.kind}`)
  return store.transaction(async (tx) => {
    if (!(await sessions.claim(tx, outcome.session!))) return false
    await sessions.complete(tx, outcome.session!, result)
    return true
  })
}

const word = (session: string): JsonObject => ({ type: 'm.login.word', word: 'friend', session })
const dummy = (session: string): JsonObject => ({ type: DUMMY, session })

describe('what a session keeps of its operation', () => {
  it('is established once, and known to requests that leave it out', async () => {
    const operation = new TestOperation({ n: 1 })
    const session = sessionOf(await operation.send())
    expect(sessionOf(await operation.send(word(session)))).toBe(session)
    const last = await operation.sendAuth(dummy(session))
    expect(last).toMatchObject({ kind: 'complete', established: { by: 1, n: 1 } })
    expect(operation.established).toBe(1)
  })

  it('is that of the first request that has one', async () => {
    const operation = new TestOperation({ n: 2 })
    const session = sessionOf(await operation.sendAuth({}))
    await operation.sendAuth(word(session))
    expect(operation.established).toBe(0)
    expect(await operation.send(dummy(session))).toMatchObject({ kind: 'complete', established: { by: 1 } })
  })

  it('is nothing when no request has one', async () => {
    const operation = new TestOperation({})
    const session = sessionOf(await operation.send())
    await operation.send(word(session))
    expect(await operation.send(dummy(session))).toMatchObject({ kind: 'complete', established: undefined })
    expect(operation.established).toBe(0)
  })

  it('[SEC-54] is not what another request asks for, which is refused before it is looked at', async () => {
    const operation = new TestOperation({ n: 3 })
    const session = sessionOf(await operation.send())
    const other = new TestOperation({ n: 4 })
    await expect(other.send(word(session))).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
    expect(other.established).toBe(0)
    await operation.sendAuth(word(session))
    expect(await operation.sendAuth(dummy(session))).toMatchObject({ established: { n: 3 } })
  })

  it('is one, when two requests bind the session at once', async () => {
    const operation = new TestOperation({ n: 5 })
    const session = sessionOf(await operation.sendAuth({}))
    await operation.sendAuth(word(session))
    const [a, b] = await Promise.all([operation.send(dummy(session)), operation.send(dummy(session))])
    if (a.kind !== 'complete' || b.kind !== 'complete') throw new Error('not complete')
    expect(a.established).toEqual(b.established)
  })

  it('is refused before any stage, and opens no session', async () => {
    const count = async (): Promise<unknown> => store.database.query(null, 'select count(*) from flow_sessions')
    const before = await count()
    const refused = new TestOperation({ taken: true })
    await expect(refused.send()).rejects.toMatchObject({ errcode: 'M_USER_IN_USE' })
    await expect(refused.send({ type: 'm.login.word', word: 'foe' })).rejects.toMatchObject({
      errcode: 'M_USER_IN_USE',
    })
    expect(await count()).toEqual(before)
  })

  it('is kept by the session that replaces one that has expired', async () => {
    const operation = new TestOperation({ n: 6 })
    const old = sessionOf(await operation.send())
    await clock.advance(15 * 60_000)
    const session = sessionOf(await operation.send(word(old)))
    expect(session).not.toBe(old)
    await operation.sendAuth(word(session))
    expect(await operation.sendAuth(dummy(session))).toMatchObject({ established: { n: 6 } })
  })
})

describe('a session that has been completed', () => {
  /** A session that is complete but for the dummy stage. */
  async function almost(operation: TestOperation): Promise<string> {
    const session = sessionOf(await operation.send())
    await operation.send(word(session))
    return session
  }

  it('answers the same request with its result, whatever the stage', async () => {
    const operation = new TestOperation({ n: 1 })
    const session = await almost(operation)
    await act(await operation.send(dummy(session)), { answer: 42 })
    const repeated = { kind: 'repeated', result: { answer: 42 } }
    expect(await operation.send(dummy(session))).toEqual(repeated)
    expect(await operation.send({ session })).toEqual(repeated)
    expect(await operation.send({ type: 'm.login.word', word: 'foe', session })).toEqual(repeated)
    expect(operation.established).toBe(1)
  })

  it('is completed by one request', async () => {
    const operation = new TestOperation({ n: 2 })
    const session = await almost(operation)
    const complete = await operation.send(dummy(session))
    const acted = await Promise.all([1, 2, 3].map((n) => act(complete, { n })))
    expect(acted.filter(Boolean)).toHaveLength(1)
    expect(await operation.send(dummy(session))).toEqual({ kind: 'repeated', result: { n: acted.indexOf(true) + 1 } })
  })

  it('answers the same request also when that came too soon to find it completed', async () => {
    const operation = new TestOperation({ n: 9 })
    const session = sessionOf(await operation.send())
    const auth = { type: 'm.login.once', session }
    const both = [operation.send(auth), operation.send(auth)]
    await act(await Promise.race(both), { answer: 42 })
    used.resolve()
    const outcomes = await Promise.all(both)
    expect(outcomes.filter(({ kind }) => kind === 'complete')).toHaveLength(1)
    expect(outcomes).toContainEqual({ kind: 'repeated', result: { answer: 42 } })
  })

  it('is as before when acting on it fails', async () => {
    const operation = new TestOperation({ n: 3 })
    const session = await almost(operation)
    const complete = await operation.send(dummy(session))
    if (complete.kind !== 'complete') throw new Error('not complete')
    const failing = store.transaction(async (tx) => {
      await sessions.claim(tx, complete.session!)
      await sessions.complete(tx, complete.session!, {})
      throw new Error('the name is taken')
    })
    await expect(failing).rejects.toThrow('the name is taken')
    expect((await operation.send({ session })).kind).toBe('complete')
  })

  it('is over for stages that were under way', async () => {
    const operation = new TestOperation({ n: 4 })
    const session = await almost(operation)
    await act(await operation.send(dummy(session)), {})
    expect(await sessions.prove(session, DUMMY, {})).toBeUndefined()
  })

  it('ends two minutes later, however often it is asked', async () => {
    const operation = new TestOperation({ n: 5 })
    const session = await almost(operation)
    await act(await operation.send(dummy(session)), {})
    await clock.advance(119_000)
    expect((await operation.send(dummy(session))).kind).toBe('repeated')
    await clock.advance(1_000)
    const { kind, challenge } = (await operation.send(dummy(session))) as { kind: string; challenge: JsonObject }
    expect([kind, challenge['errcode'], challenge['completed']]).toEqual(['challenge', 'M_UNKNOWN', []])
  })

  it('[SEC-54] does not answer another request', async () => {
    const operation = new TestOperation({ n: 6 })
    const session = await almost(operation)
    await act(await operation.send(dummy(session)), {})
    const other = new TestOperation({ n: 7 })
    await expect(other.send(dummy(session))).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
  })

  it('answers nobody who knows its id only, unless that was enough to complete it', async () => {
    const operation = new TestOperation({ n: 8 })
    const named = await almost(operation)
    await act(await operation.send(dummy(named)), {})
    await expect(operation.sendAuth(dummy(named))).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
    expect((await operation.send(dummy(named))).kind).toBe('repeated')

    const unnamed = await almost(operation)
    await act(await operation.sendAuth(dummy(unnamed)), {})
    expect((await operation.sendAuth(dummy(unnamed))).kind).toBe('repeated')
    expect((await operation.send(dummy(unnamed))).kind).toBe('repeated')
  })

  it('keeps nothing of the operation', async () => {
    const operation = new TestOperation({ secret: 'a hash' })
    const session = await almost(operation)
    await act(await operation.send(dummy(session)), {})
    const rows = await store.database.query(null, `select from flow_sessions s where s::text like '%a hash%'`)
    expect(rows).toHaveLength(0)
  })
})
