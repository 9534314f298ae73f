import { restrictedFileCalls, restrictedPackages, rooms } from './build/rooms.mjs';

/** The package itself and what lies in it. */
const patternOf = ({ name, message }) => ({ regex: `^${name}(/|$)`, message });

const within = (place, home) => place === home || place.startsWith(`${home}/`);

/** What a folder may not import: packages of other homes, and in the product what deletes and overwrites files. */
const importsOf = (place) => {
  const { home, modules, names, message } = restrictedFileCalls;
  const isProduct = rooms.some((room) => room !== home && within(place, room));
  return {
    patterns: restrictedPackages.filter(({ homes }) => !homes.some((other) => within(place, other))).map(patternOf),
    paths: isProduct ? modules.map((name) => ({ name, importNames: names, message })) : [],
  };
};

const errors = (...names) => Object.fromEntries(names.map((name) => [name, 'error']));

const ofTypeScript = [
  'await-thenable',
  'ban-ts-comment',
  'consistent-type-exports',
  'consistent-type-imports',
  'no-array-constructor',
  'no-array-delete',
  'no-base-to-string',
  'no-duplicate-enum-values',
  'no-duplicate-type-constituents',
  'no-empty-object-type',
  'no-explicit-any',
  'no-extra-non-null-assertion',
  'no-floating-promises',
  'no-for-in-array',
  'no-implied-eval',
  'no-misused-new',
  'no-misused-promises',
  'no-namespace',
  'no-non-null-asserted-optional-chain',
  'no-redundant-type-constituents',
  'no-require-imports',
  'no-this-alias',
  'no-unnecessary-type-assertion',
  'no-unnecessary-type-constraint',
  'no-unsafe-argument',
  'no-unsafe-assignment',
  'no-unsafe-call',
  'no-unsafe-declaration-merging',
  'no-unsafe-enum-comparison',
  'no-unsafe-function-type',
  'no-unsafe-member-access',
  'no-unsafe-return',
  'no-unsafe-unary-minus',
  'no-unused-expressions',
  'no-wrapper-object-types',
  'only-throw-error',
  'prefer-as-const',
  'prefer-namespace-keyword',
  'prefer-promise-reject-errors',
  'require-await',
  'restrict-plus-operands',
  'restrict-template-expressions',
  'switch-exhaustiveness-check',
  'triple-slash-reference',
  'unbound-method',
].map((name) => `typescript/${name}`);

export default {
  plugins: ['typescript'],
  jsPlugins: ['./build/lint-rules.mjs'],
  categories: { correctness: 'off' },
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'deny' },
  ignorePatterns: [
    'dist/**',
    'out/**',
    '.host/**',
    'bench-results/**',
    'kernels/graph/onnx_pb.ts',
    'examples/workspace/**',
    'test/fixtures/**',
  ],
  overrides: [
    {
      files: ['**/*.ts'],
      rules: {
        ...errors('eqeqeq', 'no-var', 'prefer-const', 'prefer-rest-params', 'prefer-spread', ...ofTypeScript),
        'no-unused-vars': [
          'error',
          { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' },
        ],
        'no-restricted-globals': ['error', { name: 'isNaN', message: 'use Number.isNaN' }],
        'no-restricted-imports': ['error', importsOf('.')],
        'headscope/one-private-syntax': 'error',
      },
    },
    // A later entry replaces the rule for its files, a folder's after that around it.
    ...[...new Set([...rooms, ...restrictedPackages.flatMap(({ homes }) => homes)])].sort().map((place) => ({
      files: [`${place}/**/*.ts`],
      rules: { 'no-restricted-imports': ['error', importsOf(place)] },
    })),
    {
      files: rooms.map((room) => `${room}/**/*.ts`),
      rules: { 'headscope/no-quoted-json': 'error' },
    },
    {
      files: rooms.filter((room) => room !== restrictedFileCalls.home).map((room) => `${room}/**/*.ts`),
      rules: { 'headscope/no-overwriting-open': 'error' },
    },
    {
      // Names from files steer a terminal that they reach as they are: two files write to it, and print nothing else.
      files: ['compute-server/**/*.ts', 'language-server/**/*.ts', 'models/**/*.ts', 'diagnostics/**/*.ts'],
      excludeFiles: ['compute-server/cli/terminal.ts', 'language-server/command-line/terminal.ts'],
      rules: {
        'no-console': 'error',
        'no-restricted-properties': [
          'error',
          ...['stdout', 'stderr'].map((property) => ({
            object: 'process',
            property,
            message: 'write through terminal.ts, which makes names from files printable.',
          })),
        ],
      },
    },
    { files: ['test/**/*.ts'], rules: { 'typescript/no-unused-expressions': 'off' } },
  ],
};
