/** Methods of the compute server about modules. */
import type { ParameterTable } from '../analysis/parameters';
import type { ModuleSetup, ModuleResult } from '../results/module-schema';

export interface ModuleInfo {
  readonly id: string;
  readonly title: string;
  readonly kind: string;
  readonly summary: string;
  readonly source: { readonly reference: string; readonly trust: string; readonly note?: string };
  readonly parameters: ParameterTable;
  /** By the defaults. */
  readonly inputs: readonly {
    readonly name: string;
    readonly kind: string;
    readonly title: string;
    readonly description: string;
    readonly shape: readonly number[];
  }[];
  readonly outputs: readonly { readonly name: string; readonly title: string; readonly shape: readonly number[] }[];
  readonly samples: readonly { readonly id: string; readonly title: string; readonly description: string }[];
  /** Its inputs can be written. */
  readonly written?: { readonly title: string; readonly description: string; readonly example: string };
  /** An input is a picture or a feature map. */
  readonly takesPicture: boolean;
  /** Names of the published state dict behind the prefix of the module, with their shapes by the defaults. */
  readonly weights: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly growth: { readonly of: string; readonly exponent: number };
  /** Learned numbers, by the defaults. */
  readonly parameterCount: number;
}

export interface ModuleProgress {
  readonly kind: 'stage';
  readonly sentence: string;
  /** 0..1 */
  readonly share: number;
}

export interface ModuleMethods {
  modules: { args: []; result: readonly ModuleInfo[]; progress: never };
  /** Proves a module, times it beside plain attention, and gives its pictures. */
  module: { args: [plan: ModuleSetup]; result: ModuleResult; progress: ModuleProgress };
}
