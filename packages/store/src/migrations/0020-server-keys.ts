// Keys with which other servers sign, and those with which this one signed. Code from before knows nothing of them.
import type { Migration } from './migration.ts'

export const serverKeys: Migration = {
  name: '0020-server-keys',
  async up(knex) {
    await knex.raw(`
      -- What servers said of their keys, as they signed it: notaries hand it on. A row goes when no key is from it any more.
      create table server_key_documents (
        nid int generated always as identity primary key,
        server_name text collate "C" not null,
        json text collate "C" not null,
        valid_until_ts bigint not null,
        fetched_ts bigint not null
      );
      create index server_key_documents_server on server_key_documents (server_name);

      -- Every key that a server had, for good: events are signed with it. Only a server that has shown keys has rows, and not
      -- more than a bounded number of them.
      create table server_keys (
        server_name text collate "C" not null,
        key_id text collate "C" not null,
        public_key text collate "C" not null,
        -- Requests may be signed with it, not only events.
        is_current boolean not null,
        valid_until_ts bigint not null,
        document_nid int not null references server_key_documents (nid),
        primary key (server_name, key_id)
      );
      create index server_keys_document on server_keys (document_nid);

      -- Every key that this server had, for good. The private half is in the data directory, and only that of the current one.
      create table own_keys (
        key_id text collate "C" primary key,
        public_key text collate "C" not null,
        -- When another key took its place; null for the current one.
        expired_ts bigint
      );
    `)
  },
}
