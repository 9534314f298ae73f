import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Who may import whom, one sentence per zone; test/unit/imports.test.ts checks the same over the whole graph. */
const zones = [
  {
    target: './protocol',
    from: [
      './kernels',
      './models',
      './diagnostics',
      './compute-server',
      './language-server',
      './extension',
      './webviews',
    ],
    message: 'protocol imports nothing: it is what crosses a process or a frame.',
  },
  {
    target: './kernels',
    from: [
      './protocol',
      './models',
      './diagnostics',
      './compute-server',
      './language-server',
      './extension',
      './webviews',
    ],
    message: 'kernels imports itself only: it is the mathematics of attention, without I/O.',
  },
  {
    target: './models',
    from: ['./protocol', './diagnostics', './compute-server', './language-server', './extension', './webviews'],
    message: 'models may import kernels only: it turns checkpoints into descriptions and graphs.',
  },
  {
    target: './diagnostics',
    from: ['./protocol', './compute-server', './language-server', './extension', './webviews'],
    message: 'diagnostics may import kernels and models only: ask compute-server to run something.',
  },
  {
    target: './compute-server',
    from: ['./language-server', './extension', './webviews'],
    message: 'compute-server runs graphs: it may import protocol, kernels, models and diagnostics.',
  },
  {
    target: './language-server',
    from: ['./compute-server', './extension', './webviews', './diagnostics'],
    message:
      'language-server only reads files: it may import protocol, models/formats, models/architectures and kernels/cost.',
  },
  {
    target: './language-server',
    from: ['./kernels/mechanisms', './kernels/graph', './kernels/catalogue.ts'],
    message: 'language-server may import kernels/cost only: it never builds a graph.',
  },
  {
    target: './language-server',
    from: ['./models/instrument'],
    message: 'language-server may import models/formats and models/architectures: instruments are for runs.',
  },
  {
    target: './extension',
    from: ['./kernels', './models', './diagnostics', './compute-server', './language-server', './webviews'],
    message:
      'extension may import protocol and vscode: ask the compute server or the language server through protocol.',
  },
  {
    target: './webviews',
    from: ['./kernels', './models', './diagnostics', './compute-server', './language-server', './extension'],
    message: 'webviews may import protocol: ask the extension by a message.',
  },
];

const only = (name, home) => ({
  files: ['**/*.ts'],
  ignores: home,
  rules: { 'no-restricted-imports': ['error', { paths: name }] },
});

export default tseslint.config(
  {
    ignores: [
      'node_modules/**',
      'dist/**',
      'out/**',
      '.host/**',
      'bench-results/**',
      'examples/workspace/**',
      'test/fixtures/**',
    ],
  },
  ...tseslint.configs.recommendedTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
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
      'no-restricted-globals': ['error', { name: 'isNaN', message: 'use Number.isNaN' }],
      'import-x/no-restricted-paths': [
        'error',
        {
          basePath: import.meta.dirname,
          zones: zones.flatMap(({ target, from, message }) => from.map((room) => ({ target, from: room, message }))),
        },
      ],
    },
  },
  only(
    [
      { name: 'onnxruntime-node', message: 'compute-server/runtime alone knows the runtime.' },
      { name: 'onnxruntime-common', message: 'compute-server/runtime alone knows the runtime.' },
      {
        name: '@vscode/webview-ui-toolkit',
        message: 'webviews/ui alone knows the component toolkit (it is deprecated upstream).',
      },
    ],
    ['compute-server/runtime/**', 'webviews/ui/**'],
  ),
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-unused-expressions': 'off' },
  },
);
