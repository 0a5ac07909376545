import type { Stage } from '../flow.ts'

/** `m.login.dummy`: always passed. {@link https://spec.matrix.org/v1.19/client-server-api/#dummy-auth} */
export const dummyStage: Stage = {
  type: 'm.login.dummy',
  attempt: async () => ({ outcome: 'passed', proof: {} }),
}
