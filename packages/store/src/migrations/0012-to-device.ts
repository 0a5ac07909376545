// Messages to devices. The code before it knows nothing of the tables and still runs on the result.
import type { Migration } from './migration.ts'

export const toDevice: Migration = {
  name: '0012-to-device',
  async up(knex) {
    await knex.raw(`
      -- What waits for a device until its client shows that it has it. Gone with the device. Senders are of any server.
      create table to_device (
        pos bigint primary key,
        device_nid bigint not null references devices (nid) on delete cascade,
        sender_nid int not null references users (nid),
        type text collate "C" not null,
        content text collate "C" not null
      );
      create index to_device_device on to_device (device_nid, pos);

      -- The transaction ids of those who send them. key is a digest of type and id. Gone with the sending device, and when
      -- it sends something a day later.
      create table to_device_txn (
        device_nid bigint not null references devices (nid) on delete cascade,
        sent_ts bigint not null,
        key uuid not null,
        primary key (device_nid, key)
      );
      create index to_device_txn_sent on to_device_txn (device_nid, sent_ts);
    `)
  },
}
