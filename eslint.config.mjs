import importX, { createNodeResolver } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';
import { restrictedFileCalls, restrictedPackages, rooms, zones } from './build/rooms.mjs';

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

/**
 * Where types come from. The whole repository is one program, in which each type is found once: a quarter less computing than a
 * program for each room (2026-12). A few files are soonest done in the programs of their rooms.
 */
const typesFrom = process.argv.includes('.') ? { project: './tsconfig.lint.json' } : { projectService: true };

/** TypeScript's `private` is the one syntax of private members. */
const onePrivateSyntax = { selector: 'PrivateIdentifier', message: 'write `private name`, as the other members do.' };

export default tseslint.config(
  {
    ignores: [
      'node_modules/**',
      'dist/**',
      'out/**',
      '.host/**',
      'bench-results/**',
      'kernels/graph/onnx_pb.ts',
      'examples/workspace/**',
      'test/fixtures/**',
    ],
  },
  ...tseslint.configs.recommendedTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    plugins: { 'import-x': importX },
    // Without it extensionless imports of .ts files are not resolved, and the zones below never fire.
    settings: { 'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.mjs', '.js', '.json'] })] },
    languageOptions: { parserOptions: { ...typesFrom, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      eqeqeq: 'error',
      'no-restricted-syntax': ['error', onePrivateSyntax],
      'no-restricted-globals': ['error', { name: 'isNaN', message: 'use Number.isNaN' }],
      'import-x/no-restricted-paths': [
        'error',
        {
          basePath: import.meta.dirname,
          zones: zones.flatMap(({ target, from, except = [], message }) =>
            from
              .filter((room) => !except.includes(room))
              .map((room) => ({
                target: `./${target}`,
                from: `./${room}`,
                // ESLint takes exceptions relative to the folder that they are exceptions of.
                except: except
                  .filter((place) => place.startsWith(`${room}/`))
                  .map((place) => `./${place.slice(room.length + 1)}`),
                message,
              })),
          ),
        },
      ],
    },
  },
  { files: ['**/*.ts'], rules: { 'no-restricted-imports': ['error', importsOf('.')] } },
  // A later entry replaces the rule for its files, a folder's after that around it.
  ...[...new Set([...rooms, ...restrictedPackages.flatMap(({ homes }) => homes)])].sort().map((place) => ({
    files: [`${place}/**/*.ts`],
    rules: { 'no-restricted-imports': ['error', importsOf(place)] },
  })),
  {
    files: rooms.filter((room) => room !== restrictedFileCalls.home).map((room) => `${room}/**/*.ts`),
    ignores: ['extension/results/delete-file.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        onePrivateSyntax,
        {
          // "wx" makes a file that is not there; "r+" changes one that was opened knowingly.
          selector: 'CallExpression[callee.name=/^open(Sync)?$/] > Literal[value=/^(w|a|w\\+|a\\+)$/]',
          message: 'opening a file this way overwrites it: use what files/ has, or "wx".',
        },
        {
          selector: "CallExpression[callee.property.name='delete'][callee.object.property.name='fs']",
          message: 'extension/results/delete-file.ts alone deletes files of the editor.',
        },
        {
          selector: "CallExpression[callee.property.name='deleteFile']",
          message: 'extension/results/delete-file.ts alone deletes files of the editor.',
        },
      ],
    },
  },
  {
    // V8 quotes the text around a fault, and a file may be none of ours: a link leads to it, and a CI log shows the words.
    files: ['**/*.ts'],
    ignores: ['test/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        onePrivateSyntax,
        {
          selector:
            'TryStatement:has(CallExpression[callee.object.name="JSON"][callee.property.name="parse"]) > CatchClause[param]',
          message: 'read JSON by parseJsonText or parseConfig, whose faults are a place and a kind without the text.',
        },
      ],
    },
  },
  {
    // Names from files steer a terminal that they reach as they are: two files write to it, and print nothing else.
    files: ['compute-server/**/*.ts', 'language-server/**/*.ts', 'models/**/*.ts', 'diagnostics/**/*.ts'],
    ignores: ['compute-server/cli/terminal.ts', 'language-server/command-line/terminal.ts'],
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
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-unused-expressions': 'off' },
  },
);
