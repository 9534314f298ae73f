/** What every panel that runs something says to the extension and hears from it, whatever it runs. */
import type { DeviceInfo } from '../compute/device-info';
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
}

/**
 * A saved file names a model, and nothing is asked of it before a click (`loadModel`): what the panel says beside the button.
 */
export interface WaitingModel {
  readonly folder: string;
  /** Of its weights, by the file. */
  readonly bytes: number;
  /** Why it is not loaded at all, as a sentence. */
  readonly refused?: string;
}

/** Where a panel may run: the devices as last tested (none: not tested yet), and the one of the setting. */
export interface DeviceChoices {
  readonly devices: readonly DeviceInfo[];
  readonly setting: string;
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

export type ExportFormat = 'png' | 'svg' | 'csv' | 'json' | 'html';

export type FromRunPanel<Plan> =
  | { readonly kind: 'ready' }
  /** The plan as it stands, at most every 300 ms: kept for reload. */
  | { readonly kind: 'planned'; readonly plan: Plan }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'save' }
  /** Lets the person choose the result to compare with; answered by `open`. */
  | { readonly kind: 'compare' }
  /** The second result is shown no more, also after the webview was hidden or the window reloaded. */
  | { readonly kind: 'stopComparing' }
  | {
      readonly kind: 'openFull';
      readonly plan: Plan;
      readonly select?: { readonly layer: number; readonly head: number };
    }
  | {
      readonly kind: 'export';
      readonly format: ExportFormat;
      readonly name: string;
      readonly data: string | Uint8Array;
    }
  | { readonly kind: 'copy'; readonly text: string };

/** What it says where it runs a model that the person chooses. */
export type FromModelRunPanel<Plan> =
  | FromRunPanel<Plan>
  /** `device`: where it is opened; absent: on the device of the setting. */
  | { readonly kind: 'chooseModel'; readonly folder: string; readonly device?: string }
  /** Every device is tested anew; answered by `devices`. */
  | { readonly kind: 'refreshDevices' }
  /** The person wants the model that the file names loaded, so that more can be asked of the result. */
  | { readonly kind: 'loadModel' }
  /** Opens the system's folder dialog. */
  | { readonly kind: 'browseModel' }
  /** Opens a page of the documentation: its path in docs, without `.md`. */
  | { readonly kind: 'showPage'; readonly page: string };

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
