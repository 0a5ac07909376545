// Finding people by parts of their names.
import type { Migration } from './migration.ts'

export const userDirectory: Migration = {
  name: '0035-user-directory',
  async up(knex) {
    await knex.raw(`
      -- What joined users are found by: the words of their names, in lower case. Derived from member events and profiles by a
      -- consumer of the stream. Rows are deleted with the user's last membership, when the consumer sees it.
      create table user_directory (
        skey_nid int not null,
        word text collate "C" not null,
        primary key (word, skey_nid)
      );
      create index user_directory_user on user_directory (skey_nid);

      -- The rooms that somebody is in, whatever their server.
      create index current_state_member on current_state (skey_nid) where type_nid = 2;
    `)
  },
}
