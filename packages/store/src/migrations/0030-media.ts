// The media repository. The code before it knows nothing of it and still runs on the result.
import type { Migration } from './migration.ts'

export const media: Migration = {
  name: '0030-media',
  async up(knex) {
    await knex.raw(`
      -- The contents of files, each once, whoever has sent it: its SHA-256 and where the blob store has it. A row is written
      -- when the bytes are safe. Deleted by the sweeper, with the bytes, when nothing refers to it any longer.
      create table media_blobs (
        hash bytea primary key,
        size bigint not null,
        created_ts bigint not null,
        location text collate "C" not null unique
      );

      -- Files by their mxc URIs, those of this server and those that were fetched from others. blob_hash: null as long as
      -- an id is reserved for a file that is still to come; such rows are deleted by the sweeper after expires_ts. user_nid:
      -- who has sent it; null for files of other servers and those that this one has made. frozen: it came after access
      -- without authentication was frozen. A quarantined one is given to nobody, nor is what has the same content.
      -- Deleted by administrators, and those of other servers when they have not been asked for in a long time.
      create table media (
        nid bigint primary key generated always as identity,
        server_nid int not null references servers (nid),
        user_nid int references users (nid),
        created_ts bigint not null,
        last_access_ts bigint not null,
        expires_ts bigint,
        quarantined_ts bigint,
        frozen boolean not null,
        protected boolean not null default false,
        media_id text collate "C" not null,
        content_type text collate "C" not null,
        upload_name text collate "C",
        quarantined_by text collate "C",
        blob_hash bytea references media_blobs (hash),
        constraint media_uri unique (server_nid, media_id)
      ) with (fillfactor = 90);
      create index media_blob on media (blob_hash) where blob_hash is not null;
      create index media_user on media (user_nid, created_ts) where user_nid is not null;
      create index media_reserved on media (expires_ts) where blob_hash is null;

      -- Smaller versions of pictures, by the content that they are made of. Deleted with it.
      create table media_thumbnails (
        source_hash bytea not null references media_blobs (hash) on delete cascade,
        width int not null,
        height int not null,
        animated boolean not null,
        created_ts bigint not null,
        last_access_ts bigint not null,
        method text collate "C" not null,
        content_type text collate "C" not null,
        blob_hash bytea not null references media_blobs (hash),
        primary key (source_hash, width, height, method, animated)
      );
      create index media_thumbnails_blob on media_thumbnails (blob_hash);
    `)
  },
}
