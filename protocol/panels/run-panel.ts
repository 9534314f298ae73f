/** What every panel that runs something hears from the extension, whatever it runs. */
import type { DeviceInfo } from '../compute/device-info';
import type { WeightChoice } from '../inputs/weights';
import type { ModelSummary } from '../schema/parts';

/** A model folder of the list: found in the workspace or in the model folders, or the demo model. */
export interface ModelChoice {
  readonly folder: string;
  readonly label: string;
  readonly family: string;
  /** True, or why it cannot run. */
  readonly runs: true | string;
  /** What the list says beside the name: "no weights", "2 errors". */
  readonly mark?: string;
  /** For a GGUF file beside the safetensors of the same model: the folder of these, and what the file is (`GGUF Q4_K_M`). */
  readonly formOf?: { readonly folder: string; readonly title: string };
  /** Adapters that were found for it. */
  readonly adapters?: readonly { readonly folder: string; readonly label: string; readonly hint: string }[];
}

/**
 * A saved file names a model, and nothing is asked of it before a click (`loadModel`): what the panel says beside the button.
 */
export interface WaitingModel {
  readonly folder: string;
  /** Bytes of its weights, as the file says. */
  readonly bytes: number;
  /** Why it is not loaded at all, as a sentence. */
  readonly refused?: string;
}

/** Where a panel may run: the devices as last tested (none: not tested yet), and the one of the setting. */
export interface DeviceChoices {
  readonly devices: readonly DeviceInfo[];
  readonly setting: string;
  /** How weights are held, by the setting; absent: as they are stored. */
  readonly weights?: WeightChoice;
  /** They are being tested now. */
  readonly testing?: true;
}

/** What happened outside a run, and stays in the panel until the next run or until it is dismissed. */
export interface Notice {
  readonly kind: 'notice';
  readonly tone: 'info' | 'error';
  readonly sentence: string;
  readonly details?: string;
}

/** `full` is the editor panel, `side` the side-bar view, `file` a saved result opened as an editor. */
export type PanelPlace = 'full' | 'side' | 'file';

/** What every panel hears beside its own messages. */
type ToRunPanel =
  /** A request or a run ended without an answer: a sentence with a next step. What is shown stays. */
  | {
      readonly kind: 'failed';
      readonly request?: number;
      readonly sentence: string;
      readonly details?: string;
      /** The model of this folder could not be opened. */
      readonly folder?: string;
      /** The run ended before it gave anything: what it replaced stands again. */
      readonly refused?: true;
    }
  | { readonly kind: 'overdue'; readonly sentence: string }
  | Notice;

/** What it hears where it runs a model that the person chooses. */
export type ToModelRunPanel =
  | ToRunPanel
  | { readonly kind: 'models'; readonly models: readonly ModelChoice[] }
  | ({ readonly kind: 'devices' } & DeviceChoices)
  /** Answer to `chooseModel`. */
  | { readonly kind: 'model'; readonly model: ModelSummary };
