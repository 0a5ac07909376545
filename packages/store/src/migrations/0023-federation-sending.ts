// What is sent to other servers, and how far each has come. The code before it knows nothing of the tables and still runs
// on the result; what it sends is not marked as outgoing, so that other servers ask for it when they miss it.
import type { Migration } from './migration.ts'

export const federationSending: Migration = {
  name: '0023-federation-sending',
  async up(knex) {
    await knex.raw(`
      -- The servers that something was sent to. behind_pos: it has not got all that is after this position of the stream;
      -- null: it has everything up to the position of the consumer_cursor of the sender. retry_ts: not before that time is
      -- it tried again, which the last of so many failures in a row has set. ok_ts: when it last answered. Deleted when
      -- nothing is left to be sent and it has not answered for long.
      create table fed_dest (
        server_nid int primary key references servers (nid),
        behind_pos bigint,
        behind_ts bigint,
        retry_ts bigint,
        failures int not null default 0,
        ok_ts bigint
      ) with (fillfactor = 50);

      -- EDUs that must not be lost, until the server has taken them. Deleted then, and when they are old.
      create table fed_outbox (
        nid bigint generated always as identity primary key,
        server_nid int not null references servers (nid),
        added_ts bigint not null,
        type text collate "C" not null,
        content text collate "C" not null
      );
      create index fed_outbox_server on fed_outbox (server_nid, nid);

      -- Work that one process does at a time: who, until when unless they say so again. One row for each such work.
      create table leases (
        name text collate "C" primary key,
        holder uuid not null,
        until_ts bigint not null
      ) with (fillfactor = 50);

      -- The messages to devices that other servers have sent, by a digest of their ids. Deleted when the same server sends
      -- another a week later.
      create table to_device_heard (
        server_nid int not null references servers (nid),
        heard_ts bigint not null,
        key uuid not null,
        primary key (server_nid, key)
      );
      create index to_device_heard_ts on to_device_heard (server_nid, heard_ts);

      -- What a server has missed of a room: the events that this server sends on.
      create index events_outgoing on events (room_nid, stream_pos) where flags & 16 <> 0 and stream_pos > 0;
    `)
  },
}
