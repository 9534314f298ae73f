/** What messages of several panels to the extension hold, as they are read. */
import * as v from 'valibot';
import type { PromptInput } from '../inputs/prompt';
import type { Schema } from '../schema/check';
import { byKind, either, flag, object, oneOf, optional, text, wholes } from '../schema/fields';
import { placeFields } from '../schema/parts';

export const prompt: Schema<PromptInput> = byKind<PromptInput>({
  text: { text, chat: optional(flag), image: optional(text) },
  ids: { ids: wholes, image: optional(text) },
});

/** A head that is named by a command, a link or the form. */
export const headPlace = object<{ readonly layer: number; readonly head: number }>(placeFields());

/** A text for the clipboard, of any length. */
export const copied = { text: v.string('a text') };

/** A picture or a table on its way to a file, of any length. */
export const exported = {
  format: oneOf(['png', 'svg', 'csv', 'json', 'html']),
  name: text,
  data: either(v.string(), v.instance(Uint8Array), 'a text or bytes'),
};

/** What every panel says that runs something. */
export const fromRunPanel = <Plan>(plan: Schema<Plan>) => ({
  ready: {},
  planned: { plan },
  cancel: {},
  save: {},
  compare: {},
  stopComparing: {},
  openFull: { plan, select: optional(headPlace) },
  export: exported,
  copy: copied,
});

/** What every panel says that runs a model. */
export const fromModelRunPanel = <Plan>(plan: Schema<Plan>) => ({
  ...fromRunPanel(plan),
  chooseModel: { folder: text, device: optional(text) },
  refreshDevices: {},
  loadModel: {},
  browseModel: {},
  showPage: { page: v.pipe(text, v.regex(/^(?:analyses\/)?[a-z0-9-]{1,64}$/u, 'a page of the documentation')) },
});
