/** How careful the embedded PostgreSQL is with what it has acknowledged. */
export type Durability = 'durable' | 'throwaway'

// For a server that shares a small machine with Hearth: few processes, little memory, writes that are forced to disk.
const durable: Readonly<Record<string, string>> = {
  max_connections: '50',
  shared_buffers: '128MB',
  effective_cache_size: '512MB',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  // Solid-state disks read anywhere as fast as in order.
  random_page_cost: '1.1',
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  max_logical_replication_workers: '0',
  io_method: 'sync',
  autovacuum_max_workers: '2',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  wal_buffers: '4MB',
  wal_compression: 'on',
  min_wal_size: '80MB',
  max_wal_size: '1GB',
  checkpoint_timeout: '15min',
  // A copy of the running server can be taken with pg_basebackup.
  wal_level: 'replica',
  max_wal_senders: '2',
  max_replication_slots: '2',
  // What happens to the server, but not the errors of statements (which rank below in the server's log): they reach the
  // caller, and their text may hold what people wrote.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_parameter_max_length_on_error: '0',
  log_checkpoints: 'off',
  log_line_prefix: "''",
  lc_messages: 'C',
  timezone: 'UTC',
  log_timezone: 'UTC',
}

// For tests: a crash may take everything, and nothing waits for a disk.
const throwaway: Readonly<Record<string, string>> = {
  ...durable,
  max_connections: '200',
  shared_buffers: '64MB',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_replication_slots: '0',
  min_wal_size: '32MB',
  max_wal_size: '256MB',
  // In the data directory, so that nothing is left elsewhere when the server is killed.
  dynamic_shared_memory_type: 'mmap',
}

/** The file that the cluster's postgresql.conf includes. It is written at each start; ALTER SYSTEM overrides it. */
export function settingsFile(durability: Durability): string {
  const settings = durability === 'durable' ? durable : throwaway
  return (
    '# Written by Hearth at each start. ALTER SYSTEM and postgresql.auto.conf override what is here.\n' +
    Object.entries(settings)
      .map(([name, value]) => `${name} = ${value.startsWith("'") ? value : `'${value}'`}\n`)
      .join('')
  )
}
