// Accounts, their devices and access tokens, what lets people register, and what accounts keep: account data and filters.
// The code before it knows none of these tables and still runs on the result.
import type { Migration } from './migration.ts'

export const accounts: Migration = {
  name: '0003-accounts',
  async up(knex) {
    await knex.raw(`
      -- People and bots of this server. Everything that belongs to an account refers to this row, or to a device below it,
      -- and goes with it.
      create table accounts (
        created_ts bigint not null,
        deactivated_ts bigint,
        user_nid int primary key references users (nid),
        is_admin boolean not null,
        localpart text collate "C" not null,
        -- null: no password is right
        password_hash text collate "C",
        constraint accounts_localpart unique (localpart)
      );

      create table devices (
        nid bigint primary key generated always as identity,
        created_ts bigint not null,
        last_seen_ts bigint not null,
        user_nid int not null references accounts (user_nid) on delete cascade,
        device_id text collate "C" not null,
        display_name text collate "C",
        last_seen_ip text collate "C" not null,
        constraint devices_device_id unique (user_nid, device_id)
      );

      -- Not a foreign key, which every event that is sent would have to be checked against.
      create function devices_deleted() returns trigger language plpgsql as $$
      begin
        delete from client_txn where device_nid in (select nid from gone);
        return null;
      end $$;
      create trigger devices_deleted after delete on devices
        referencing old table as gone for each statement execute function devices_deleted();

      -- Keyed by the SHA-256 of the token, which is itself not kept.
      create table access_tokens (
        device_nid bigint not null references devices (nid) on delete cascade,
        created_ts bigint not null,
        token_hash bytea primary key
      );
      create index access_tokens_device on access_tokens (device_nid);

      -- Tokens about which a process may remember what is no longer so. Written by triggers, so that nothing that ends a
      -- session, cascades included, can leave it out. A reader asks for the rows of transactions that its last snapshot
      -- had not seen. Kept for an hour.
      create table stale_sessions (
        token_hash bytea not null,
        xid xid8 not null default pg_current_xact_id(),
        recorded timestamptz not null default now()
      );
      create index stale_sessions_xid on stale_sessions (xid);
      create index stale_sessions_recorded on stale_sessions (recorded);

      create function access_tokens_deleted() returns trigger language plpgsql as $$
      begin
        insert into stale_sessions (token_hash) select token_hash from gone;
        return null;
      end $$;
      create trigger access_tokens_deleted after delete on access_tokens
        referencing old table as gone for each statement execute function access_tokens_deleted();

      create function accounts_changed() returns trigger language plpgsql as $$
      begin
        insert into stale_sessions (token_hash)
        select token_hash from access_tokens join devices on devices.nid = device_nid where user_nid = new.user_nid;
        return null;
      end $$;
      create trigger accounts_changed after update of is_admin, deactivated_ts on accounts
        for each row execute function accounts_changed();

      -- What an administrator hands to those who may register.
      create table registration_tokens (
        token text collate "C" primary key,
        -- null: any number of times
        uses_allowed integer,
        uses integer not null default 0,
        expires_ts bigint,
        -- The account that is registered with it becomes an administrator.
        grants_admin boolean not null,
        -- The token that the first start prints. There is one at most.
        is_first boolean not null,
        created_ts bigint not null,
        check (uses_allowed is null or uses <= uses_allowed)
      );
      create unique index registration_tokens_first on registration_tokens (is_first) where is_first;

      -- Registrations and log-ins under way, and nonces. Keyed by the SHA-256 of the session id that the client holds.
      -- Gone soon after they expire; what a completed flow has let through is remembered for some minutes at most.
      create table flow_sessions (
        id_hash bytea primary key,
        -- What it will let through; a session is good for nothing else.
        purpose text collate "C" not null,
        -- A digest of the request that it was begun for, keyed with the session id.
        binding bytea,
        -- What that request asks for, since later ones need not say it again. A password only as its hash.
        request jsonb,
        -- By type of stage: what completed stages have established, and where stages of several requests stand.
        proofs jsonb not null,
        states jsonb not null,
        -- What has come of it, since the flow was completed: then it tells this, and lets nothing through any more.
        outcome jsonb,
        expires_ts bigint not null
      );
      create index flow_sessions_expires on flow_sessions (expires_ts);

      -- Global account data (room_nid is null) and that of rooms. Rewritten in place at a new stream position.
      create table account_data (
        pos bigint not null,
        user_nid int not null references accounts (user_nid) on delete cascade,
        room_nid int references rooms (nid) on delete cascade,
        type text collate "C" not null,
        content text collate "C" not null,
        constraint account_data_key unique nulls not distinct (user_nid, room_nid, type)
      );
      create index account_data_pos on account_data (pos);
      create index account_data_room on account_data (room_nid) where room_nid is not null;

      -- Filters for sync. A user's identical filters are one.
      create table filters (
        nid bigint primary key generated always as identity,
        user_nid int not null references accounts (user_nid) on delete cascade,
        definition_hash bytea not null,
        definition text collate "C" not null,
        constraint filters_definition unique (user_nid, definition_hash)
      );
    `)
  },
}
