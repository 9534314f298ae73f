/**
 * Messages between the extension and the kernels panel or its side view. The panel speaks first: it posts `ready`, the
 * extension replies with `open`, which holds everything needed to draw; until then the extension queues.
 */
import type { ModuleFile } from './kernels-schema';
import type { DeviceInfo, MechanismInfo, SupportInfo } from '../compute/api';
import type { MechanismView, MechanismViewRequest } from '../compute/mechanism-view';
import type { ModuleInfo, ModuleProgress } from '../compute/modules';
import type { NeighborhoodBound, NeighborhoodRequest } from '../compute/neighborhood';
import type { BenchmarkRow, BenchmarkSetup, BenchmarkResult } from '../results/benchmark-schema';
import type { ModuleResult } from '../results/module-schema';
import type { Notice, PanelPlace } from './run-panel';

export type KernelsPlace = PanelPlace;

/** A model config found in the workspace whose attention shape can be taken over. */
export interface ShapeChoice {
  readonly uri: string;
  readonly label: string;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly valueDim: number;
  readonly contextLength?: number;
  readonly window?: number;
}

/** What a run of a module says; it is apart from the benchmark of mechanisms. */
type ModuleMessage =
  | { readonly kind: 'moduleStage'; readonly progress: ModuleProgress }
  | { readonly kind: 'moduleResult'; readonly result: ModuleResult }
  | { readonly kind: 'moduleFailed'; readonly sentence: string; readonly details?: string };

/** Sent by the extension to the panel. */
export type ToKernelsPanel =
  | {
      readonly kind: 'open';
      readonly place: KernelsPlace;
      readonly mechanisms: readonly MechanismInfo[];
      readonly devices: readonly DeviceInfo[];
      readonly shapes: readonly ShapeChoice[];
      /** Processors of this machine: a plan takes no more threads. */
      readonly processors: number;
      /** Of the form. */
      readonly plan: BenchmarkSetup;
      /** Of the run, where it is a series of a mechanism of the workspace: that is in no form. */
      readonly measured?: BenchmarkSetup;
      readonly result?: BenchmarkResult;
      /** Opened by "benchmark the attention of this config". */
      readonly shapeUri?: string;
      /** A second saved result to compare with. */
      readonly compareWith?: { readonly name: string; readonly result: BenchmarkResult };
      /** False in an untrusted workspace: the sentence says why nothing runs. */
      readonly canRun: true | string;
      readonly savedAs?: string;
    }
  | { readonly kind: 'devices'; readonly devices: readonly DeviceInfo[]; readonly testing?: true }
  | { readonly kind: 'shapes'; readonly shapes: readonly ShapeChoice[]; readonly shapeUri?: string }
  | { readonly kind: 'supports'; readonly supports: readonly SupportInfo[] }
  /** The answer to `mechanismView`; `problem` is one sentence in place of a view. */
  | {
      readonly kind: 'mechanismView';
      readonly request: MechanismViewRequest;
      readonly view?: MechanismView;
      readonly problem?: string;
    }
  /** The answer to `modules`. */
  | { readonly kind: 'modules'; readonly modules: readonly ModuleInfo[] }
  | ModuleMessage
  /** The file that was chosen for a run of a module. */
  | { readonly kind: 'moduleFile'; readonly what: ModuleFile; readonly path: string }
  /** The answer to `neighborhoodBound`. */
  | {
      readonly kind: 'neighborhoodBound';
      readonly request: NeighborhoodRequest;
      readonly bound?: NeighborhoodBound;
      readonly problem?: string;
    }
  | {
      readonly kind: 'stage';
      readonly sentence: string;
      readonly done: number;
      readonly total: number;
      readonly secondsLeft?: number;
    }
  | { readonly kind: 'row'; readonly row: BenchmarkRow; readonly final: boolean }
  | { readonly kind: 'result'; readonly result: BenchmarkResult; readonly savedAs?: string }
  /**
   * The run ended without a result: a sentence with a next step, details folded. Rows already shown stay, and where it gave none
   * (`refused`), what it replaced.
   */
  | { readonly kind: 'failed'; readonly sentence: string; readonly details?: string; readonly refused?: true }
  /** The run in flight does not stop by itself; the compute process is about to be restarted. */
  | { readonly kind: 'overdue'; readonly sentence: string }
  | Notice;
