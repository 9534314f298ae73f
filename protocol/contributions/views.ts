/** Ids of everything that VS Code shows or restores by name; package.json repeats them, a unit test compares. */

export const container = 'headscope';

export const views = {
  models: 'headscope.models',
  model: 'headscope.model',
  devices: 'headscope.devices',
  results: 'headscope.results',
  kernels: 'headscope.kernels',
  heads: 'headscope.heads',
  hallucination: 'headscope.hallucination',
} as const;

/** The full panels; their serializers are registered for the same ids. */
export const kernelsPanel = 'headscope.kernelsPanel';
export const headsPanel = 'headscope.headsPanel';
export const hallucinationPanel = 'headscope.hallucinationPanel';

/** One model in full width, or two beside each other; its serializer is registered for the same id. */
export const modelPanel = 'headscope.modelPanel';

/** The editor of a saved benchmark. */
export const benchmarkEditor = 'headscope.benchmarkFile';
export const benchmarkSuffix = '.headscope-bench.json';

/** The editor of a saved result of heads. */
export const headsEditor = 'headscope.headsFile';
export const headsSuffix = '.headscope-heads.json';

/** The editor of a saved result of a vision-language model: one picture, or a folder of them. */
export const hallucinationEditor = 'headscope.hallucinationFile';
export const hallucinationSuffix = '.headscope-hallucination.json';

export const interventionSuffix = '.headscope-intervention.json';

export const walkthrough = 'headscope.start';

/** Keys that `when` clauses read. */
export const contextKeys = {
  /** A table whose keys are the paths of the files that were recognised as model configurations. */
  modelPaths: 'headscope.modelPaths',
  /** The same of those that read pictures. */
  visionModelPaths: 'headscope.visionModelPaths',
  /** True while a benchmark runs. */
  benchmarkRunning: 'headscope.benchmarkRunning',
  /** True while a model runs for the Heads panel. */
  headsRunning: 'headscope.headsRunning',
  /** True while a vision-language model runs for the Hallucination panel. */
  hallucinationRunning: 'headscope.hallucinationRunning',
} as const;

/** Values of `viewItem` in the trees. */
export const items = {
  model: 'model',
  modelWithVision: 'modelWithVision',
  device: 'device',
  deviceInUse: 'deviceInUse',
  /** Also as `resultInWorkspace`. */
  result: 'result',
  /** Also as `resultOfHeadsInWorkspace`. */
  resultOfHeads: 'resultOfHeads',
  /** Also as `resultOfPicturesInWorkspace`. */
  resultOfPictures: 'resultOfPictures',
} as const;
