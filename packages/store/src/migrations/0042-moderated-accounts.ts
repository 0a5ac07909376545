// Accounts that an administrator has locked or suspended. Code from before knows nothing of it, and lets them do everything.
import type { Migration } from './migration.ts'

export const moderatedAccounts: Migration = {
  name: '0042-moderated-accounts',
  async up(knex) {
    await knex.raw(`
      alter table accounts
        add column is_locked boolean not null default false,
        add column is_suspended boolean not null default false;
      create trigger accounts_moderated after update of is_locked, is_suspended on accounts
        for each row execute function accounts_changed();
    `)
  },
}
