/**
 * The description of tensors that another program wrote (`*.headscope-capture.json`): which file holds them, what each one is, and how
 * its axes lie. What fits together within the description is checked here, and what the data says where it is read.
 */
import { tokenIds } from '../inputs/prompt';
import type { Output } from '../schema/check';
import {
  count,
  fieldsIn,
  filledText,
  flag,
  list,
  numberFrom,
  object,
  oneOf,
  optional,
  said,
  text,
  whole,
} from '../schema/fields';
import { headOf } from '../schema/parts';
import { listed } from '../wire/listed';

const captureAxes = ['layers', 'batch', 'heads', 'queries', 'keys', 'tokens', 'width'] as const;
export type CaptureAxis = (typeof captureAxes)[number];

const heldTensors = ['attention', 'query', 'key', 'value', 'hidden'] as const;
type HeldTensor = (typeof heldTensors)[number];

/** More tokens than any map that is drawn or measured here as a whole. */
const mostCapturedTokens = 16_384;

/** Stands for the number of the layer in the name of a tensor. */
export const layerMark = '{layer}';

const tensor = object({
  name: said(filledText, `The name of the tensor in the file. ${layerMark} stands for the number of the layer.`),
  holds: said(
    oneOf(heldTensors),
    'What it is: attention (probabilities), query, key and value of heads, or hidden states.',
  ),
  layout: said(
    list(oneOf(captureAxes), 'a list of axes', { least: 1, most: captureAxes.length }),
    'Its axes, outermost first. Attention has heads, queries and keys; the others have tokens and width.',
  ),
  layer: optional(said(whole, 'The layer, from 0, of a tensor without an axis "layers".')),
});
export type CapturedTensor = Output<typeof tensor>;

const fields = {
  ...headOf('headscope-capture', 'capture'),
  model: said(filledText, 'The name of the model that was run.'),
  file: said(filledText, 'The file with the tensors, beside this one: .safetensors, .npz or .arrow.'),
  tokens: said(
    list(text, 'a list of texts', { least: 1, most: mostCapturedTokens }),
    'The text of each token, padding included.',
  ),
  ids: optional(said(tokenIds, 'The id of each token. By default, equal texts are the same token.')),
  causal: said(flag, 'Whether a query reads only its own token and those before it.'),
  tensors: said(list(tensor, 'a list of tensors', { least: 1, most: 4096 }), 'What each tensor of the file is.'),
  batch: optional(said(whole, 'Which element of the axis "batch" is read, from 0. 0 by default.')),
  masked: optional(
    said(list(whole, 'a list of positions'), 'Positions of padding, from 0. Their rows and columns are left out.'),
  ),
  window: optional(said(count, 'How many of the last tokens a query reads, its own included. By default, all.')),
  scale: optional(
    said(numberFrom(1e-9, 1e9), 'What scores of queries and keys are multiplied by. By default, 1 / sqrt(width).'),
  ),
};
export const captureFile = object(fields);
export type CaptureFile = Output<typeof captureFile>;

const known = Object.keys(fields);

/** Something wrong in a description that has the form of one, by the keys that lead to it. */
export interface CaptureFault {
  readonly path: readonly (string | number)[];
  /** A sentence with a next step. */
  readonly message: string;
}

/** `may`: axes that it can have besides. */
const axesOf: Readonly<
  Record<HeldTensor, { readonly needs: readonly CaptureAxis[]; readonly may: readonly CaptureAxis[] }>
> = {
  attention: { needs: ['heads', 'queries', 'keys'], may: ['layers', 'batch'] },
  query: { needs: ['heads', 'tokens', 'width'], may: ['layers', 'batch'] },
  key: { needs: ['heads', 'tokens', 'width'], may: ['layers', 'batch'] },
  value: { needs: ['heads', 'tokens', 'width'], may: ['layers', 'batch'] },
  hidden: { needs: ['tokens', 'width'], may: ['layers', 'batch'] },
};

const isStored = (file: string): boolean => /\.(npz|safetensors|arrow|feather)$/u.test(file);

/** How tensors are saved in a form that is read. */
const savingLine = 'from safetensors.torch import save_file; save_file(tensors, "capture.safetensors")';

/** Undefined where the data file can be read, by its name. */
function whyNotDataFile(file: string): string | undefined {
  if (/[/\\\0]/u.test(file) || file === '..') {
    return `"${file.slice(0, 60)}" is no file beside this one. Put the file into the same folder, and give its name alone.`;
  }
  if (isStored(file)) return undefined;
  if (/\.(pt|pth|bin|ckpt|pkl|pickle)$/u.test(file)) {
    return `${file} is a pickle, which can run code when it is read, so it is not opened. Save safetensors instead: ${savingLine}`;
  }
  return `${file} is neither .safetensors, .npz nor .arrow. Save safetensors: ${savingLine}`;
}

/** `given`: the description as it was written. */
export function captureFaults(capture: CaptureFile, given: unknown): readonly CaptureFault[] {
  const { file, tokens, ids, masked = [], tensors } = capture;
  const faults: CaptureFault[] = [];
  const add = (path: CaptureFault['path'], message: string): void => {
    faults.push({ path, message });
  };
  // A misspelt "masked" would leave padding in every figure.
  for (const name of Object.keys(fieldsIn(given)).filter((one) => !known.includes(one) && one !== '$schema')) {
    add([name], `"${name.slice(0, 60)}" is no field of a capture. Its fields are ${listed(known, 'and')}.`);
  }
  const fileFault = whyNotDataFile(file);
  if (fileFault !== undefined) add(['file'], fileFault);
  if (ids && ids.length !== tokens.length) {
    add(['ids'], `There are ${ids.length} ids and ${tokens.length} tokens. Give one id for each token.`);
  }
  masked.forEach((position, at) => {
    if (position >= tokens.length) {
      add(['masked', at], `Position ${position} is behind the ${tokens.length} tokens, which are counted from 0.`);
    }
  });
  if (new Set(masked).size >= tokens.length) add(['masked'], 'All tokens are masked. Leave out those that were read.');
  tensors.forEach((tensor, at) => {
    for (const { path, message } of tensorFaults(tensor)) add(['tensors', at, ...path], message);
  });
  const held = new Set(tensors.map(({ holds }) => holds));
  if (!held.has('attention') && !(held.has('query') && held.has('key'))) {
    const message = 'There is no attention in it. Add a tensor that holds attention, or both query and key.';
    add(['tensors'], message);
  }
  return faults;
}

function tensorFaults({ name, holds, layout, layer }: CapturedTensor): readonly CaptureFault[] {
  const faults: CaptureFault[] = [];
  const { needs, may } = axesOf[holds];
  const twice = layout.find((axis, at) => layout.indexOf(axis) !== at);
  const missing = needs.filter((axis) => !layout.includes(axis));
  const odd = layout.find((axis) => !needs.includes(axis) && !may.includes(axis));
  const form = `A tensor that holds ${holds} has the axes ${listed(needs, 'and')}, and can have ${listed(may, 'and')}.`;
  if (twice !== undefined)
    faults.push({ path: ['layout'], message: `The axis "${twice}" stands twice in the layout. ${form}` });
  else if (odd !== undefined)
    faults.push({ path: ['layout'], message: `The axis "${odd}" does not belong here. ${form}` });
  else if (missing[0] !== undefined)
    faults.push({ path: ['layout'], message: `The axis "${missing[0]}" is missing. ${form}` });
  const ways = [layout.includes('layers'), layer !== undefined, name.includes(layerMark)].filter(Boolean).length;
  if (ways !== 1) {
    const message = `${ways === 0 ? 'The layer is not said' : 'The layer is said twice'}. Use one of: the axis "layers", "layer", or ${layerMark} in the name.`;
    faults.push({ path: ways === 0 ? ['name'] : layer === undefined ? ['layout'] : ['layer'], message });
  }
  return faults;
}
