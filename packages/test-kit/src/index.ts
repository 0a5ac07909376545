export { Balancer } from './balancer.ts'
export { createTestDatabase } from './database.ts'
export { checkDatabase, type DatabaseCheck, type DatabaseCheckOptions } from './database-checker.ts'
export { DatabaseProxy } from './database-proxy.ts'
export { freePort } from './free-port.ts'
export { ResidentPeer } from './federation/resident-peer.ts'
export { ForeignRoom, type ForeignEvent } from './foreign-room.ts'
export { NginxProcess, type NginxOptions, type NginxPorts } from './nginx-process.ts'
export { startTestPostgres, type RunningPostgres } from './start-test-postgres.ts'
export { positionOfToken } from './position-of-token.ts'
export { RedisServer } from './redis-server.ts'
export { SeededRandom } from './seeded-random.ts'
export { statementsOf } from './statements-of.ts'
export { ServerProcess, type ServerProcessOptions } from './server-process.ts'
export type { TestDatabase } from './test-postgres.ts'
export { FakeNetwork, type Attempt } from './federation/fake-network.ts'
export {
  FakePeer,
  type FakePeerOptions,
  type PeerAnswer,
  type PeerHandler,
  type PeerRequest,
} from './federation/fake-peer.ts'
export { FakeWebServer, type WebPage, type WebPageRequest } from './federation/fake-web-server.ts'
export { FederationGate } from './interop/federation-gate.ts'
export { Oracle, type OracleAnswer } from './interop/oracle.ts'
export { interopPrograms, pythonEnvironment } from './interop/python-environment.ts'
export {
  PeerServers,
  type HearthBehindNginx,
  type HearthPeer,
  type HearthProcessPeer,
  type Peer,
} from './interop/peer-servers.ts'
export { eventually, roomAsSeen, untilTheyAgree, type RoomAsSeen } from './interop/room-as-seen.ts'
export { SynapseServer, type SynapseFederation, type SynapseOptions } from './interop/synapse-server.ts'
export {
  TestClient,
  UnexpectedAnswer,
  type RequestOptions,
  type SyncAnswer,
  type UnreadNotifications,
  type SyncedEvent,
  type SyncedRoom,
  type TestAnswer,
} from './test-client.ts'
export { TestServer, type TestServerOptions } from './test-server.ts'
export { TestCa, type IssuedCertificate, type IssueOptions } from './tls/test-ca.ts'
export { JumpingClock } from './simulation/jumping-clock.ts'
export { noFaults, SimulatedNetwork, type NetworkFaults } from './simulation/simulated-network.ts'
export { SimulatedRoom } from './simulation/simulated-room.ts'
export { SimulatedWorld, type SimulatedServer } from './simulation/simulated-world.ts'
