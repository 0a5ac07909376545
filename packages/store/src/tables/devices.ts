import type { DeviceId } from '@hearth/protocol'
import type { Queryable } from '../connection/queryable.ts'

export interface NewDevice {
  readonly userNid: number
  readonly deviceId: DeviceId
  /** Set when the device is new; one that is known keeps its name. */
  readonly displayName: string | null
  readonly now: number
  readonly ip: string
}

export interface DeviceRow {
  readonly deviceId: DeviceId
  readonly displayName: string | null
  readonly lastSeenTs: number
  readonly lastSeenIp: string
}

/** What a device was last seen doing. */
export interface DeviceSighting {
  readonly nid: number
  readonly ts: number
  readonly ip: string
}

const columns = `device_id as "deviceId", display_name as "displayName", last_seen_ts as "lastSeenTs",
  last_seen_ip as "lastSeenIp"`

/** The devices of accounts: each log-in is one. */
export class Devices {
  readonly #db: Queryable

  constructor(db: Queryable) {
    this.#db = db
  }

  /** All devices of a user, in the order in which they first logged in. */
  async list(userNid: number): Promise<DeviceRow[]> {
    return this.#db.read<DeviceRow>('devices.list', `select ${columns} from devices where user_nid = $1 order by nid`, [
      userNid,
    ])
  }

  /** When users were last seen on any device, in milliseconds; those who have none are left out. */
  async lastSeen(userNids: readonly number[]): Promise<Map<number, number>> {
    const rows = await this.#db.read<{ userNid: number; ts: number }>(
      'devices.lastSeen',
      'select user_nid as "userNid", max(last_seen_ts) as ts from devices where user_nid = any($1) group by user_nid',
      [userNids],
    )
    return new Map(rows.map(({ userNid, ts }) => [userNid, ts]))
  }

  async find(userNid: number, deviceId: DeviceId): Promise<DeviceRow | undefined> {
    const rows = await this.#db.read<DeviceRow>(
      'devices.find',
      `select ${columns} from devices where user_nid = $1 and device_id = $2`,
      [userNid, deviceId],
    )
    return rows[0]
  }

  /** Gives a device another name; false when there is no such device. */
  async rename(userNid: number, deviceId: DeviceId, displayName: string): Promise<boolean> {
    const updated = await this.#db.execute(
      'devices.rename',
      `update devices set display_name = $3 where user_nid = $1 and device_id = $2`,
      [userNid, deviceId, displayName],
    )
    return updated === 1
  }

  /** Adds a device, or notes that a known one is back; resolves to its nid. */
  async upsert(device: NewDevice): Promise<number> {
    const rows = await this.#db.query<{ nid: number }>(
      'devices.upsert',
      `insert into devices (user_nid, device_id, display_name, created_ts, last_seen_ts, last_seen_ip)
       values ($1, $2, $3, $4, $4, $5)
       on conflict on constraint devices_device_id
         do update set last_seen_ts = excluded.last_seen_ts, last_seen_ip = excluded.last_seen_ip
       returning nid`,
      [device.userNid, device.deviceId, device.displayName, device.now, device.ip],
    )
    return rows[0]!.nid
  }

  /** Notes that a known device is back; false when there is none. Until the transaction ends nobody else can log it in or out. */
  async touch(deviceNid: number, now: number, ip: string): Promise<boolean> {
    const updated = await this.#db.execute(
      'devices.touch',
      `update devices set last_seen_ts = $2, last_seen_ip = $3 where nid = $1`,
      [deviceNid, now, ip],
    )
    return updated === 1
  }

  /** Removes all of a user's devices but the `keep` last seen; resolves to how many went. */
  async deleteLeastRecentlySeen(userNid: number, keep: number): Promise<number> {
    return this.#db.execute(
      'devices.deleteLeastRecentlySeen',
      `delete from devices where nid in
         (select nid from devices where user_nid = $1 order by last_seen_ts desc, nid desc offset $2)`,
      [userNid, keep],
    )
  }

  /** Notes when and from where devices were last used. */
  async saw(sightings: readonly DeviceSighting[]): Promise<void> {
    await this.#db.execute(
      'devices.saw',
      `update devices set last_seen_ts = seen.ts, last_seen_ip = seen.ip
       from unnest($1::bigint[], $2::bigint[], $3::text[]) as seen (nid, ts, ip)
       where devices.nid = seen.nid and devices.last_seen_ts < seen.ts`,
      [sightings.map(({ nid }) => nid), sightings.map(({ ts }) => ts), sightings.map(({ ip }) => ip)],
    )
  }

  /** The deletion rule: removes a device with its access tokens and transaction ids. */
  async delete(deviceNid: number): Promise<boolean> {
    return (await this.#db.execute('devices.delete', `delete from devices where nid = $1`, [deviceNid])) === 1
  }

  /** Removes some of a user's devices; those that do not exist are none. */
  async deleteSome(userNid: number, deviceIds: readonly DeviceId[]): Promise<number> {
    return this.#db.execute('devices.deleteSome', `delete from devices where user_nid = $1 and device_id = any ($2)`, [
      userNid,
      deviceIds,
    ])
  }

  /** Removes all devices of a user but one. */
  async deleteOthers(userNid: number, keptNid: number): Promise<number> {
    return this.#db.execute('devices.deleteOthers', `delete from devices where user_nid = $1 and nid <> $2`, [
      userNid,
      keptNid,
    ])
  }

  /** Removes all devices of a user. */
  async deleteAll(userNid: number): Promise<number> {
    return this.#db.execute('devices.deleteAll', `delete from devices where user_nid = $1`, [userNid])
  }
}
