/** What every panel that runs something says to the extension, whatever it runs. */

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
  | { readonly kind: 'chooseModel'; readonly folder: string }
  /** The person wants the model that the file names loaded, so that more can be asked of the result. */
  | { readonly kind: 'loadModel' }
  /** Opens the system's folder dialog. */
  | { readonly kind: 'browseModel' };
