// Guests, access tokens that expire with what renews them, and tokens that other things than sessions take. The code before
// it knows none of it and still runs on the result: to it a guest is an account without a password.
import type { Migration } from './migration.ts'

export const credentials: Migration = {
  name: '0005b-credentials',
  async up(knex) {
    await knex.raw(`
      alter table accounts add column is_guest boolean not null default false;
      create trigger accounts_guest_changed after update of is_guest on accounts
        for each row execute function accounts_changed();

      -- null: never. A token that has expired is kept until its device has another, so that the client is told to get one.
      alter table access_tokens add column expires_ts bigint;
      -- Given out together with the refresh token that renews it, and neither has been used yet: the tokens before them
      -- are valid until then.
      alter table access_tokens add column is_next boolean not null default false;

      -- What gives a device another access token. At most two of a device: the one in use, and the next.
      create table refresh_tokens (
        device_nid bigint not null references devices (nid) on delete cascade,
        created_ts bigint not null,
        token_hash bytea primary key,
        is_next boolean not null
      );
      create index refresh_tokens_device on refresh_tokens (device_nid);

      -- What logs another device of a user in, once and soon. Gone when it is used, and after it has expired.
      create table login_tokens (
        expires_ts bigint not null,
        user_nid int not null references accounts (user_nid) on delete cascade,
        token_hash bytea primary key
      );
      create index login_tokens_user on login_tokens (user_nid);

      -- What shows a third party who a user is. Gone after it has expired.
      create table openid_tokens (
        expires_ts bigint not null,
        user_nid int not null references accounts (user_nid) on delete cascade,
        token_hash bytea primary key
      );
      create index openid_tokens_user on openid_tokens (user_nid);
    `)
  },
}
