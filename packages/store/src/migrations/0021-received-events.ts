// Events that other servers send: forks, late events, and those that were refused. Code from before cannot write events any
// more: the function that it calls has gone.
import { receivingCommitFunction } from './0021-commit-function.ts'
import type { Migration } from './migration.ts'

export const receivedEvents: Migration = {
  name: '0021-received-events',
  async up(knex) {
    await knex.raw(`
      -- The room's current state after the event, where it did not simply follow on the room's head. Null where it did, as
      -- in rooms that never forked: there it is the state after the event in its own history.
      alter table events add column current_nid bigint;

      -- Why events were rejected or soft-failed. Rows go with their room.
      create table event_refusals (
        nid bigint primary key,
        room_nid int not null,
        reason text collate "C" not null
      );

      create index event_refusals_by_room on event_refusals (room_nid);

      drop function hearth_commit;
    `)
    await knex.raw(receivingCommitFunction)
  },
}
