/** The jobs that take turns: what a person calls each, and what it says while it waits. */
import type { ComputeMethods } from '../../protocol/compute/api';
import type { OwnFilePlace } from '../../protocol/inputs/own-file';

export type LongMethod =
  | 'benchmark'
  | 'checkKernel'
  | 'analysisOfFile'
  | 'taskOfFile'
  | 'module'
  | 'generate'
  | 'analysis'
  | 'extendAnalysis';

/** Names that other rooms know. */
export interface Named {
  /** The title of an analysis. */
  analysis(id: string): string | undefined;
  /** What the model of a folder, or of a file, is called. */
  model(path: string): string;
}

interface LongJob<M extends LongMethod> {
  /** As "running an analysis". */
  readonly doing: string;
  title(args: ComputeMethods[M]['args'], named: Named): string;
  /** The model that it runs; empty: it runs none. */
  folder(args: ComputeMethods[M]['args']): string;
  /** Its progress while it waits; absent where its progress has no sentence. */
  waiting?(sentence: string, args: ComputeMethods[M]['args']): ComputeMethods[M]['progress'];
}

const checkOf = ([{ file }]: readonly [file: OwnFilePlace, checks?: boolean]): string =>
  `Check of ${file.split(/[\\/]/u).at(-1)}`;
const stage = (sentence: string) => ({ kind: 'stage', sentence, share: 0 }) as const;

export const longJobs: { readonly [M in LongMethod]: LongJob<M> } = {
  benchmark: {
    doing: 'benchmarking',
    title: ([{ mechanisms }]) =>
      mechanisms.length > 3 ? `Benchmark of ${mechanisms.length} mechanisms` : `Benchmark of ${mechanisms.join(', ')}`,
    folder: () => '',
    waiting: (sentence, [{ mechanisms, baseline, shape }]) => ({
      kind: 'stage',
      sentence,
      done: 0,
      total: new Set([...mechanisms, baseline]).size * shape.lengths.length,
    }),
  },
  checkKernel: {
    doing: 'checking a mechanism of the workspace',
    title: ([{ kernel }]) => `Check of ${kernel.id.replace(/^own:/u, '')}`,
    folder: () => '',
  },
  analysisOfFile: { doing: 'checking an analysis of the workspace', title: checkOf, folder: () => '' },
  taskOfFile: { doing: 'checking a task of the workspace', title: checkOf, folder: () => '' },
  module: {
    doing: 'running a module',
    title: ([{ module }]) => `Module ${module}`,
    folder: () => '',
    waiting: stage,
  },
  generate: {
    doing: 'generating',
    title: () => 'Text of a model',
    folder: ([{ folder }]) => folder,
  },
  analysis: {
    doing: 'running an analysis',
    title: ([{ analysis }], named) => named.analysis(analysis) ?? analysis,
    folder: ([{ folder }]) => folder,
    waiting: (sentence) => ({ ...stage(sentence), kept: 0 }),
  },
  extendAnalysis: {
    doing: 'running an analysis',
    title: ([{ analysis, title }], named) => named.analysis(analysis) ?? title,
    folder: ([{ model }]) => model.folder,
    waiting: (sentence) => ({ ...stage(sentence), kept: 0 }),
  },
};
