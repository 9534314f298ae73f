// Who may import whom: each zone is one sentence. test/unit/imports.test.ts checks them over the whole import graph; oxlint reports
// packages and functions where they are imported (oxlint.config.mjs). Types: rooms.d.mts.

export const rooms = [
  'files',
  'protocol',
  'kernels',
  'models',
  'diagnostics',
  'compute-server',
  'language-server',
  'extension',
  'webviews',
];

const others = (...allowed) => rooms.filter((room) => !allowed.includes(room));

export const zones = [
  {
    target: 'files',
    from: others('files'),
    message: 'files imports nothing of other rooms: it is what is written to disk and deleted from it.',
  },
  {
    target: 'protocol',
    from: others('protocol'),
    message: 'protocol imports nothing of other rooms: it is what crosses a process or a frame.',
  },
  {
    target: 'kernels',
    from: others('kernels'),
    message: 'kernels imports itself only: it is the mathematics of attention, without I/O.',
  },
  {
    target: 'models',
    from: others('models', 'kernels'),
    message: 'models may import kernels only: it turns checkpoints into descriptions and graphs.',
  },
  {
    target: 'diagnostics',
    from: others('diagnostics', 'protocol', 'kernels', 'models'),
    message: 'diagnostics may import protocol, kernels and models: a model is run through its ModelRunner port.',
  },
  {
    target: 'compute-server',
    from: others('compute-server', 'files', 'protocol', 'kernels', 'models', 'diagnostics'),
    message: 'compute-server runs graphs: it may import files, protocol, kernels, models and diagnostics.',
  },
  {
    target: 'language-server',
    from: others('language-server'),
    except: ['files', 'protocol', 'models/formats', 'models/architectures', 'kernels/cost'],
    message:
      'language-server may import files, protocol, models/formats, models/architectures and kernels/cost: it runs no model.',
  },
  {
    target: 'extension',
    from: others('extension', 'protocol', 'files'),
    message:
      'extension may import protocol, files and vscode: ask the compute server or the language server through protocol.',
  },
  {
    target: 'webviews',
    from: others('webviews', 'protocol'),
    message: 'webviews may import protocol: ask the extension by a message.',
  },
];

// Packages that one place alone may import.
export const restrictedPackages = [
  {
    name: 'onnxruntime-node',
    homes: ['compute-server/runtime'],
    message: 'compute-server/runtime alone knows the runtime.',
  },
  {
    name: 'onnxruntime-common',
    homes: ['compute-server/runtime'],
    message: 'compute-server/runtime alone knows the runtime.',
  },
  {
    name: '@vscode/webview-ui-toolkit',
    homes: ['webviews/ui'],
    message: 'webviews/ui alone knows the component toolkit (it is deprecated upstream).',
  },
  { name: 'lit', homes: ['webviews'], message: 'webviews alone draw.' },
  { name: 'echarts', homes: ['webviews/charts'], message: 'webviews/charts alone knows the chart library.' },
  {
    name: 'vscode-languageclient',
    homes: ['extension/platform'],
    message: 'extension/platform alone talks to the language server.',
  },
  {
    name: 'valibot',
    homes: ['protocol', 'models/formats', 'diagnostics', 'compute-server', 'extension'],
    message: 'schemas of what crosses a border lie in protocol, or beside what they alone are for; no panel needs one.',
  },
  {
    name: '@kubernetes/client-node',
    homes: ['compute-server/sweeps/kubernetes', 'test/unit/compute-server/sweeps'],
    message: 'compute-server/sweeps/kubernetes alone talks to Kubernetes.',
  },
  {
    name: '@modelcontextprotocol/sdk',
    homes: ['compute-server/cli/mcp', 'test/process/agents'],
    message: 'compute-server/cli/mcp alone knows the protocol of agents.',
  },
  { name: 'vscode', homes: ['extension', 'test/editor'], message: 'extension alone talks to the editor.' },
];

// Functions of node:fs and node:fs/promises that delete, rename or overwrite: `files` alone calls them. What may be deleted is
// decided in one place (files/remove.ts), and what may be replaced in another (files/output.ts).
export const restrictedFileCalls = {
  home: 'files',
  modules: ['fs', 'node:fs', 'fs/promises', 'node:fs/promises'],
  names: [
    ...['rm', 'rmdir', 'unlink', 'rename', 'cp', 'copyFile', 'truncate', 'writeFile', 'appendFile'],
    ...['rmSync', 'rmdirSync', 'unlinkSync', 'renameSync', 'cpSync', 'copyFileSync', 'truncateSync'],
    ...['writeFileSync', 'appendFileSync', 'createWriteStream'],
    // Names under which all of the above would come.
    ...['default', 'promises'],
  ],
  message: 'files alone deletes, renames and overwrites: use what files/ has.',
};
