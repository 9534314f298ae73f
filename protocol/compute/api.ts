/**
 * The compute server's remote interface, written once; calls, replies, progress and failures are derived from it.
 * A method that streams is a job: it reports progress (at most four times a second) and may be cancelled.
 */
import type { AttentionPattern } from '../results/benchmark';
import type { ParameterValue } from '../schema/parts';
import type { BenchmarkRow, BenchmarkSetup, BenchmarkResult, Roof } from '../results/benchmark-schema';
import type { ShardedSetup, ShardedProgress, ShardedScaling } from '../results/sharded';
import type { Failure } from '../wire/failures';
import type { MechanismView, MechanismViewRequest } from './mechanism-view';
import type { SetupDevice, SetupReport } from './setup';
import type { DeviceInfo } from './device-info';
import type { TemplateInfo } from './template';
import type { AnalysisMethods } from './analyses';
import type { ModuleMethods } from './modules';
import type { HeadMethods, ModelMethods } from './models';
import type { KernelFileMethods } from './own-kernels';
import type { NeighborhoodBound, NeighborhoodRequest } from './neighborhood';

export type { DeviceInfo, SelfTest } from './device-info';

export interface ParameterInfo {
  readonly name: string;
  readonly kind: 'integer' | 'number' | 'choice' | 'boolean';
  readonly title: string;
  readonly description: string;
  readonly default: ParameterValue;
  readonly min?: number;
  readonly max?: number;
  readonly options?: readonly string[];
}

export interface MechanismInfo {
  readonly id: string;
  readonly title: string;
  readonly family: string;
  readonly summary: string;
  readonly source: { readonly reference: string; readonly trust: string; readonly note?: string };
  readonly exponent: number;
  readonly template: TemplateInfo;
  readonly parameters: readonly ParameterInfo[];
  /** True, or the sentence that says why the pattern is not supported. */
  readonly patterns: Readonly<Record<AttentionPattern, true | string>>;
}

export interface SupportInfo {
  readonly mechanism: string;
  readonly ok: boolean;
  readonly why?: string;
  /** By the cost model, at the longest length of the plan. */
  readonly predictedPeakBytes?: number;
  /** Seconds that proving it takes against its float64 reference, about, at all lengths of the plan that it runs. */
  readonly checkSeconds?: number;
}

export interface ServerInfo {
  readonly headscope: string;
  readonly runtime: string;
  readonly pid: number;
  readonly node: string;
}

/** A plan to run now. */
export interface BenchmarkRequest extends BenchmarkSetup {
  /** Beside what the process is doing, which it does not wait for; the result says so (`machine.beside`). */
  readonly beside?: boolean;
}

export type BenchmarkProgress =
  | {
      readonly kind: 'stage';
      readonly sentence: string;
      readonly done: number;
      readonly total: number;
      /** Absent until two lengths have been measured, and where one takes longer than they let expect. */
      readonly secondsLeft?: number;
    }
  | { readonly kind: 'row'; readonly row: BenchmarkRow; readonly final: boolean };

/** Every method of the compute server: its arguments, its result and, for jobs, its progress. */
export interface ComputeMethods extends ModelMethods, HeadMethods, AnalysisMethods, ModuleMethods, KernelFileMethods {
  info: { args: []; result: ServerInfo; progress: never };
  /** `again`: also those that this process has proved before. */
  devices: {
    args: [options: { readonly roof: boolean; readonly again?: boolean }];
    result: readonly DeviceInfo[];
    progress: never;
  };
  /** What the device needs here, and what of it is missing. */
  setup: { args: [device: SetupDevice]; result: SetupReport; progress: never };
  mechanisms: { args: []; result: readonly MechanismInfo[]; progress: never };
  /** What each query of a mechanism may read, its cost as a formula, and by probing which keys it depends on. */
  mechanismView: { args: [request: MechanismViewRequest]; result: MechanismView; progress: never };
  /** What tiles allow generalized neighborhood attention at most. */
  neighborhoodBound: { args: [request: NeighborhoodRequest]; result: NeighborhoodBound; progress: never };
  /** Which mechanisms can run the plan's shape, with their reasons. */
  supports: { args: [plan: BenchmarkSetup]; result: readonly SupportInfo[]; progress: never };
  roof: { args: [device: string, threads: number]; result: Roof; progress: never };
  benchmark: { args: [request: BenchmarkRequest]; result: BenchmarkResult; progress: BenchmarkProgress };
  /** What was measured before a cancelled benchmark had to be ended with its process: the result of the plan's `done` rows. */
  stoppedBenchmark: { args: [plan: BenchmarkSetup]; result: BenchmarkResult; progress: never };
  /** One call over worker processes, timed against one worker. */
  distributed: { args: [plan: ShardedSetup]; result: ShardedScaling; progress: ShardedProgress };
}

export type ComputeMethod = keyof ComputeMethods;

/** Sent by the extension (or the command line) to the compute server. */
export type ToCompute =
  | {
      readonly [K in ComputeMethod]: {
        readonly kind: 'call';
        readonly id: number;
        readonly method: K;
        readonly args: ComputeMethods[K]['args'];
      };
    }[ComputeMethod]
  | { readonly kind: 'cancel'; readonly id: number };

/** Sent by the compute server: `ready` once, then progress and exactly one `ok` or `failed` for each call. */
export type FromCompute =
  | { readonly kind: 'ready'; readonly info: ServerInfo }
  | { readonly kind: 'progress'; readonly id: number; readonly progress: unknown }
  | { readonly kind: 'ok'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: Failure }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string };
