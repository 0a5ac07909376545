import type {
  FederationPolicy,
  PresenceBoard,
  RoomRegistry,
  StreamFeed,
  SyncIndex,
  ThisProcess,
  ToDeviceSender,
  Typing,
} from '@hearth/core'
import { FederationSender, PresenceSender, ReceiptSender, TypingSender, type ServerHealth } from '@hearth/federation'
import type { FederationClient } from '@hearth/federation-client'
import type { ServerName } from '@hearth/protocol'
import type { Bus } from '@hearth/queues'
import type { Clock, Lifecycle, Logger, Metrics } from '@hearth/runtime'
import type { Store } from '@hearth/store'

export interface SendingDeps {
  readonly store: Store
  readonly serverName: ServerName
  readonly client: FederationClient
  readonly health: ServerHealth
  readonly policy: FederationPolicy
  readonly feed: StreamFeed
  readonly rooms: RoomRegistry
  readonly index: SyncIndex
  readonly board: PresenceBoard
  readonly typing: Typing
  readonly toDeviceSender: ToDeviceSender
  readonly process: ThisProcess
  readonly bus: Bus
  /** Whether this process may be the one that sends. */
  readonly maySend: boolean
  readonly lifecycle: Lifecycle
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Builds what sends other servers our events, and what they are told besides. To be started after the stream's feed. */
export async function buildSending(deps: SendingDeps): Promise<FederationSender> {
  const { store, serverName, policy, toDeviceSender, lifecycle } = deps
  const ownServerNid = await store.servers.intern(serverName)
  const sender = new FederationSender({ ...deps, ownServerNid, mayTalkTo: (server) => policy.allows(server) })
  toDeviceSender.onOutgoing((serverNids) => sender.wakeOutbox(serverNids))
  const typing = new TypingSender({ ...deps, sender })
  const presence = new PresenceSender({ ...deps, sender })
  new ReceiptSender({ ...deps, sender })
  lifecycle.add({
    name: 'federation sender',
    start: () => sender.start(),
    async stop() {
      typing.stop()
      presence.stop()
      await sender.stop()
    },
  })
  return sender
}
