import {
  MutualRooms,
  Reports,
  RoomTags,
  TurnCredentials,
  UserDirectory,
  type AccountData,
  type IgnoredUsers,
  type Profiles,
  type RoomAccess,
  type RoomEvents,
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
  readonly events: RoomEvents
  readonly profiles: Profiles
  readonly ignoredUsers: IgnoredUsers
  readonly clock: Clock
}

/** Builds how people label rooms, and how they deal with one another outside of them. */
export function buildPeople({ serverName, turn }: Config, deps: PeopleDeps) {
  const { store, accountData, rooms, access, events, profiles, ignoredUsers, clock } = deps
  return {
    roomTags: new RoomTags({ accountData }),
    mutualRooms: new MutualRooms({ store }),
    reports: new Reports({ store, rooms, access, serverName, clock }),
    userDirectory: new UserDirectory({ store, events, profiles, ignoredUsers, serverName }),
    turnCredentials: new TurnCredentials({ uris: turn.uris, secret: turn.sharedSecret, clock }),
  }
}
