/** The kind of the jobs that remove files. Their payload says which: `userNid` those that a user has sent. */
export const DELETE_MEDIA = 'delete-media'
