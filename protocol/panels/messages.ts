/** What every panel that runs something says to the extension, whatever it runs. */
import * as v from 'valibot';
import type { Output, Schema } from '../schema/check';
import { type KindsOutput, byKind, either, flag, object, oneOf, optional, text, wholes, whole } from '../schema/fields';
import { placeFields } from '../schema/parts';

export const prompt = byKind({
  text: { text, chat: optional(flag), image: optional(text), target: optional(text) },
  ids: { ids: wholes, image: optional(text), target: optional(wholes) },
});

/** A head that is named by a command, a link or the form. `query`: a token of the prompt in the plan beside it. */
export const headPlace = object({ ...placeFields(), query: optional(whole) });

/** A text for the clipboard, of any length. */
export const copied = { text: v.string('a text') };

const exportFormat = oneOf(['png', 'svg', 'csv', 'json', 'html', 'npz', 'safetensors', 'arrow', 'zip']);
export type ExportFormat = Output<typeof exportFormat>;

const bytes: Schema<Uint8Array> = v.instance(Uint8Array);

/** A picture or a table on its way to a file, of any length. */
export const exported = {
  format: exportFormat,
  name: text,
  data: either(v.string(), bytes, 'a text or bytes'),
};

/** What every page says that shows a result. */
export const fromResultPanel = {
  ready: {},
  /** Lets the person choose the result to compare with; answered by `open`. */
  compare: {},
  /** The second result is shown no more, also after the webview was hidden or the window reloaded. */
  stopComparing: {},
  export: exported,
  copy: copied,
};

/** What every panel says that runs something. */
export const fromRunPanel = <Plan>(plan: Schema<Plan>) => ({
  ...fromResultPanel,
  /** The plan as it stands, at most every 300 ms: kept for reload. */
  planned: { plan },
  cancel: {},
  save: {},
  openFull: { plan, select: optional(headPlace) },
});

/** What every panel says that runs a model. */
export const fromModelRunPanel = <Plan>(plan: Schema<Plan>) => ({
  ...fromRunPanel(plan),
  /** `device`: where it is opened; absent: on the device of the setting. `adapter`: a folder that is put on it. */
  chooseModel: { folder: text, device: optional(text), adapter: optional(text) },
  /** Every device is tested anew; answered by `devices`. */
  refreshDevices: {},
  /** The person wants the model that the file names loaded, so that more can be asked of the result. */
  loadModel: {},
  /** Opens the system's folder dialog. */
  browseModel: {},
  /** The same for an adapter, which is put on the model of the form. */
  browseAdapter: {},
  /** Opens a page of the documentation: its path in docs, without `.md`. */
  showPage: { page: v.pipe(text, v.regex(/^(?:analyses\/)?[a-z0-9-]{1,64}$/u, 'a page of the documentation')) },
});
export type FromModelRunPanel<Plan> = KindsOutput<ReturnType<typeof fromModelRunPanel<Plan>>>;
