/** Ids of everything that VS Code shows or restores by name; package.json repeats them, a unit test compares. */

export const container = 'headscope';

export const views = {
  models: 'headscope.models',
  model: 'headscope.model',
  devices: 'headscope.devices',
  results: 'headscope.results',
  kernels: 'headscope.kernels',
} as const;

/** The full panel; its serializer is registered for the same id. */
export const kernelsPanel = 'headscope.kernelsPanel';

/** One model in full width, or two beside each other; its serializer is registered for the same id. */
export const modelPanel = 'headscope.modelPanel';

/** The editor of a saved benchmark. */
export const benchmarkEditor = 'headscope.benchmarkFile';
export const benchmarkSuffix = '.headscope-bench.json';

export const walkthrough = 'headscope.start';

/** Keys that `when` clauses read. */
export const contextKeys = {
  /** A table whose keys are the paths of the files that were recognised as model configurations. */
  modelPaths: 'headscope.modelPaths',
  /** True while a benchmark runs. */
  benchmarkRunning: 'headscope.benchmarkRunning',
} as const;

/** Values of `viewItem` in the trees. */
export const items = {
  model: 'model',
  device: 'device',
  deviceInUse: 'deviceInUse',
  result: 'result',
} as const;
