import {
  MutualRooms,
  Reports,
  RoomTags,
  TurnCredentials,
  type AccountData,
  type RoomAccess,
  type RoomRegistry,
} from '@hearth/core'
import type { Clock } from '@hearth/runtime'
import type { Store } from '@hearth/store'
import type { Config } from '../generated/config.ts'

export interface PeopleDeps {
  readonly store: Store
  readonly accountData: AccountData
  readonly rooms: RoomRegistry
  readonly access: RoomAccess
  readonly clock: Clock
}

/** Builds how people label rooms, and how they deal with one another outside of them. */
export function buildPeople({ serverName, turn }: Config, { store, accountData, rooms, access, clock }: PeopleDeps) {
  return {
    roomTags: new RoomTags({ accountData }),
    mutualRooms: new MutualRooms({ store }),
    reports: new Reports({ store, rooms, access, serverName, clock }),
    turnCredentials: new TurnCredentials({ uris: turn.uris, secret: turn.sharedSecret, clock }),
  }
}
