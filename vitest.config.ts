import { defineConfig } from 'vitest/config'

const everywhere = ['**/node_modules/**', '**/dist/**']
const notApis = ['**/*.interop.test.ts', '**/*.faults.test.ts']
/** Tests that need a process of their own: they replace a module, or look at the memory of the whole process. */
const isolated = '**/*.isolated.test.ts'

/** The kinds of tests, chosen with `--mode`; scripts/test.ts does it. */
const kinds = {
  /**
   * Units and APIs: npm test. Nothing here works at import or keeps what it knows in a module, so that files may share a
   * process: loading the whole server for each took a third of the time.
   */
  test: {
    testTimeout: 180_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true as const,
        test: {
          name: 'shared',
          include: ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: [...everywhere, ...notApis, isolated],
          isolate: false,
        },
      },
      { extends: true as const, test: { name: 'isolated', include: [isolated], exclude: everywhere } },
    ],
  },
  /** Against other implementations of Matrix, which are installed by the first test that needs them. */
  interop: {
    include: ['packages/*/{src,test}/**/*.interop.test.ts'],
    exclude: everywhere,
    testTimeout: 600_000,
    hookTimeout: 900_000,
  },
  /** Killed processes, in full. */
  faults: {
    include: ['packages/*/{src,test}/**/*.faults.test.ts'],
    exclude: everywhere,
    testTimeout: 3_600_000,
    hookTimeout: 600_000,
  },
}

export default defineConfig(({ mode }) => ({
  // Tests run on the sources, never on what was built last. (The condition "source" would not reach the global setup.)
  resolve: {
    alias: [{ find: /^@hearth\/([a-z-]+)$/, replacement: `${import.meta.dirname}/packages/$1/src/index.ts` }],
  },
  test: {
    ...kinds[mode as keyof typeof kinds],
    globalSetup: ['packages/test-kit/src/vitest-global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    restoreMocks: true,
    // What comes at all comes in time: a busy machine is no failure.
    expect: { poll: { timeout: 30_000 } },
  },
}))
