/** Everything that VS Code shows or restores by name, declared once: `npm run manifest` writes package.json from it. */

export const container = { id: 'headscope', title: 'Headscope', icon: 'extension/media/headscope.svg' } as const;

/** Lies in the example workspace only: the extension starts at once where it does. */
export const exampleMarker = '.headscope-example';

/** A key that `when` clauses read: true while the example workspace is open. */
export const exampleIsOpen = 'headscope.exampleIsOpen';

export const views = {
  models: 'headscope.models',
  analyses: 'headscope.analyses',
  live: 'headscope.live',
} as const;

/** What the live view shows, one at a time, each by its name in webviews/panels/main.ts. */
export const livePanels = {
  model: 'Model',
  kernels: 'Kernels',
  workbench: 'Workbench',
} as const;

export type LivePanelName = keyof typeof livePanels;

export interface View {
  readonly name: string;
  /** A webview or, where it is absent, a tree. */
  readonly type?: 'webview';
  /** Share of the side bar's height beside the other views, when first shown: all together are about 100. */
  readonly initialSize?: number;
  readonly visibility?: 'collapsed';
  /** What a tree says while its first rows are being read: until then nobody knows whether it is empty. */
  readonly reading?: string;
  /** What an empty tree says once it was read; several, where they hold at different times. */
  readonly welcome?: readonly { readonly when?: string; readonly contents: string }[];
}

/** A key that `when` clauses read: true once the rows of a tree were read and there are none. */
export const emptyKey = (view: keyof typeof views): string => `${views[view]}.empty`;

/** In the order of the side bar. A collapsed view takes its share too: of a small one little is left over. */
export const viewTable: Readonly<Record<keyof typeof views, View>> = {
  models: {
    name: 'Models',
    initialSize: 50,
    reading: 'Looking for models in the workspace…',
    welcome: [
      {
        contents: [
          'Models in the workspace are listed here (config.json, GGUF files, adapters), with what their attention is and what it costs. None was found.',
          '[Add a Folder of Models](command:headscope.models.addFolder)',
        ].join('\n'),
      },
      {
        when: `!${exampleIsOpen}`,
        contents: '[Open the Example Workspace](command:headscope.openExample)',
      },
    ],
  },
  analyses: {
    name: 'Ask',
    initialSize: 45,
    reading: 'Reading the list of analyses…',
  },
  live: { name: 'Live', type: 'webview', initialSize: 5, visibility: 'collapsed' },
};

/** The full panels; their serializers are registered for the same ids. */
export const kernelsPanel = 'headscope.kernelsPanel';
export const workbenchPanel = 'headscope.workbenchPanel';
/** View types of builds before there was a workbench: a window that was closed with one restores the workbench. */
export const earlierWorkbenchPanel = 'headscope.analysesPanel';
export const earlierHeadsPanel = 'headscope.headsPanel';
export const earlierHallucinationPanel = 'headscope.hallucinationPanel';

/** One model in full width, or two beside each other; its serializer is registered for the same id. */
export const modelPanel = 'headscope.modelPanel';

export const panels = [
  kernelsPanel,
  workbenchPanel,
  earlierWorkbenchPanel,
  earlierHeadsPanel,
  earlierHallucinationPanel,
  modelPanel,
] as const;

/** The editors of saved results, each by the end of its files' names. */
export const customEditors = {
  benchmark: {
    viewType: 'headscope.benchmarkFile',
    name: 'Headscope Benchmark',
    suffix: '.headscope-bench.json',
  },
  heads: {
    viewType: 'headscope.headsFile',
    name: 'Headscope Heads',
    suffix: '.headscope-heads.json',
  },
  /** One picture, or a folder of them. */
  hallucination: {
    viewType: 'headscope.hallucinationFile',
    name: 'Headscope Hallucination',
    suffix: '.headscope-hallucination.json',
  },
  analysis: {
    viewType: 'headscope.analysisFile',
    name: 'Headscope Analysis',
    suffix: '.headscope-analysis.json',
  },
  module: {
    viewType: 'headscope.moduleFile',
    name: 'Headscope Module',
    suffix: '.headscope-module.json',
  },
  /** What each key/value head keeps of the past; this one is edited. */
  plan: {
    viewType: 'headscope.planFile',
    name: 'Headscope Cache Plan',
    suffix: '.headscope-plan.json',
  },
  /** The graph that an analysis found, which is arranged, grouped and noted by hand. */
  circuit: {
    viewType: 'headscope.circuitFile',
    name: 'Headscope Circuit',
    suffix: '.headscope-circuit.json',
  },
} as const;

export const benchmarkSuffix = customEditors.benchmark.suffix;
export const headsSuffix = customEditors.heads.suffix;
export const analysisSuffix = customEditors.analysis.suffix;
export const moduleSuffix = customEditors.module.suffix;
export const planSuffix = customEditors.plan.suffix;
export const circuitSuffix = customEditors.circuit.suffix;

/** The panel of a sweep, beside the text editor of its file. */
export const sweepEditor = {
  viewType: 'headscope.sweepFile',
  name: 'Headscope Sweep',
  patterns: ['*.headscope-sweep.yaml', '*.headscope-sweep.yml'],
} as const;

/** How a new one is named. */
export const sweepSuffix = '.headscope-sweep.yaml';

export const interventionSuffix = '.headscope-intervention.json';

/** Keys that `when` clauses read. */
export const contextKeys = {
  /** A table whose keys are the paths of the files that were recognised as model configurations. */
  modelPaths: 'headscope.modelPaths',
  /** The same of those that read pictures. */
  visionModelPaths: 'headscope.visionModelPaths',
  /** True while a benchmark runs. */
  benchmarkRunning: 'headscope.benchmarkRunning',
  /** True while an analysis runs. */
  analysisRunning: 'headscope.analysisRunning',
  /** Which panel the live view shows, by its key in `livePanels`. */
  livePanel: 'headscope.livePanel',
} as const;

/** Values of `viewItem` in the trees. */
export const items = {
  model: 'model',
  modelWithVision: 'modelWithVision',
  /** A GGUF file that runs. */
  fileThatRuns: 'fileThatRuns',
  /** A file with attention that is shown but not run: a graph, some GGUF files. */
  fileWithAttention: 'fileWithAttention',
  /** An adapter, or a file that cannot be read. */
  file: 'file',
  /** A run of the history. */
  run: 'run',
  /** Also as `resultInWorkspace`. */
  result: 'result',
  /** Also as `resultOfHeadsInWorkspace`. */
  resultOfHeads: 'resultOfHeads',
  /** Also as `resultOfPicturesInWorkspace`. */
  resultOfPictures: 'resultOfPictures',
  /** Also as `resultOfAnalysisInWorkspace`. */
  resultOfAnalysis: 'resultOfAnalysis',
  /** Also as `resultOfModuleInWorkspace`. */
  resultOfModule: 'resultOfModule',
  /** Also as `resultOfPlanInWorkspace`. */
  resultOfPlan: 'resultOfPlan',
  /** Also as `resultOfCircuitInWorkspace`. */
  resultOfCircuit: 'resultOfCircuit',
  analysis: 'analysis',
  sweep: 'sweep',
} as const;

/** Draws results in notebooks: outputs of this type hold a saved result (docs/notebooks.md). */
export const notebookRenderer = {
  id: 'headscope.notebook',
  displayName: 'Headscope',
  entrypoint: './dist/webviews/results.js',
  mimeTypes: ['application/vnd.headscope+json'],
  requiresMessaging: 'never',
} as const;
