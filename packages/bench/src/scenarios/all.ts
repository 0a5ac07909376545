import type { Scenario } from '../scenario.ts'
import { deliveryLatency } from './delivery-latency.ts'
import { deliveryBetweenProcesses } from './delivery-between-processes.ts'
import { fanOut } from './fan-out.ts'
import { federationCatchUp } from './federation-catch-up.ts'
import { federationJoin, federationLargeJoin } from './federation-join.ts'
import { federationReceive } from './federation-receive.ts'
import { federationSend } from './federation-send.ts'
import { history } from './history.ts'
import { incrementalSync } from './incremental-sync.ts'
import { initialSync, largeInitialSync } from './initial-sync.ts'
import { members, membersOf10k, membersOf50k } from './members.ts'
import { parkedPolls } from './parked-polls.ts'
import { passwordLogin } from './password-login.ts'
import { publicRooms } from './public-rooms.ts'
import { sendLatency } from './send-latency.ts'
import { sendThroughput } from './send-throughput.ts'

/** Every scenario, in the order they run: what needs a fresh server comes first, what fills the database last. */
export const scenarios: readonly Scenario[] = [
  parkedPolls,
  passwordLogin,
  sendLatency,
  deliveryLatency,
  deliveryBetweenProcesses,
  sendThroughput,
  history,
  initialSync,
  incrementalSync,
  fanOut,
  members,
  federationReceive,
  federationSend,
  federationCatchUp,
  federationJoin,
  federationLargeJoin,
  largeInitialSync,
  membersOf10k,
  membersOf50k,
  publicRooms,
]
