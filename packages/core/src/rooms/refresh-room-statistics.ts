import type { Tables } from '@hearth/store'
import { readRoomProfiles, type RoomProfile } from './room-profiles.ts'

/** Writes what the directory shows of rooms, from their current state; `pos` is the stream position that it tells of. */
export async function refreshRoomStatistics(roomNids: readonly number[], pos: number, tx: Tables): Promise<void> {
  const counts = await tx.currentState.countMembers(roomNids)
  const profiles = await readRoomProfiles(roomNids, tx)
  for (const roomNid of roomNids) {
    const profile = profiles.get(roomNid)
    await tx.roomStatistics.upsert({
      roomNid,
      pos,
      joined: counts.get(roomNid)?.join ?? 0,
      invited: counts.get(roomNid)?.invite ?? 0,
      worldReadable: profile?.worldReadable ?? false,
      guestCanJoin: profile?.guestCanJoin ?? false,
      joinRule: profile?.joinRule ?? null,
      name: profile?.name ?? null,
      topic: profile?.topic ?? null,
      avatarUrl: profile?.avatarUrl ?? null,
      canonicalAlias: profile?.canonicalAlias ?? null,
      roomType: profile?.roomType ?? null,
      searched: profile ? searchedText(profile) : '',
    })
  }
  await tx.publishedRooms.follow(roomNids)
}

/** What a search looks at. A line break divides the parts, so that no term matches across them. */
function searchedText({ name, topic, canonicalAlias }: RoomProfile): string {
  return [name, topic, canonicalAlias]
    .filter((part) => part !== null)
    .join('\n')
    .toLowerCase()
}
