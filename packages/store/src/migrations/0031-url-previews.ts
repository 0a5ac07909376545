// Previews of web pages. Code from before knows nothing of them and still runs on the result.
import type { Migration } from './migration.ts'

export const urlPreviews: Migration = {
  name: '0031-url-previews',
  async up(knex) {
    await knex.raw(`
      -- What web pages say of themselves, or why that is not known (status is not 200), until expires_ts; by the SHA-256 of
      -- the address. image_nid: the page's picture, which is deleted with the row. Rows are deleted when they have expired.
      create table url_previews (
        url_hash bytea primary key,
        fetched_ts bigint not null,
        expires_ts bigint not null,
        image_nid bigint references media (nid) on delete set null,
        status smallint not null,
        url text collate "C" not null,
        preview text collate "C" not null
      );
      create index url_previews_expiry on url_previews (expires_ts);
      create index url_previews_image on url_previews (image_nid) where image_nid is not null;
    `)
  },
}
