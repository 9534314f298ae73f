import type { Output } from '../schema/check';
import { exactly, filledText, list, numberFrom, object, optional } from '../schema/fields';
import { rangeField } from './fields';
import type { InterventionKind } from './kind';
import { positionsParameter, sourceText } from './source';
import { decimal, halves, placeAndPositions, positionsText, positionsWords, unquoted } from '../schema/written-form';
import { whichField, whichOf, whichText, type Which } from './which';

/** Strengths lie from minus this to this: beyond, float32 runs give no finite numbers. */
const largestStrength = 1e6;

const layersText = (layers: readonly Which[]): string => layers.map(whichText).join(',');

const layersWords = (layers: readonly Which[]): string =>
  layers.includes('all')
    ? 'each layer that the file has a vector for'
    : `${layers.length === 1 ? 'layer' : 'layers'} ${layers.join(', ')}`;

/** The last part of a path: enough to know a file by. */
const fileName = (path: string): string => path.split(/[\\/]/).at(-1) ?? path;

const sourceSchema = object({ from: exactly('file'), path: filledText });

/**
 * With h_l [positions, hidden size] the residual stream that leaves block l, v_l [hidden size] the vector of the file for it and s the
 * strength: h_l[p] becomes h_l[p] + s v_l at every position named, or at all of them, those of generated tokens included
 * (activation addition, arXiv:2308.10248, which adds behind a block at the first positions; contrastive activation addition,
 * arXiv:2312.06681, and representation engineering, arXiv:2310.01405, which add at every position). Later blocks read the sum.
 */
const addSchema = object({
  kind: exactly('add'),
  layers: list(whichField, 'a list of layers', { least: 1, most: 10_000 }),
  /** Absent: all positions. */
  positions: optional(rangeField),
  /** A file of vectors (docs/steering.md). */
  source: sourceSchema,
  strength: numberFrom(-largestStrength, largestStrength),
});
export type Add = Output<typeof addSchema>;

export const add: InterventionKind<Add> = {
  kind: 'add',
  name: 'added vector (steering)',
  meaning:
    'Adds a vector of a file, times a strength, to the residual stream that leaves a layer; strength 0 changes nothing. `headscope steer` makes such a file of two sets of prompts.',
  form: 'add:LAYERS[@FROM-TO]=[STRENGTH*]file:PATH',
  example: 'add:*=1*file:vector.gguf',
  parameters: [
    {
      name: 'layers',
      takes: 'layers separated by commas, or `*` for each that the file has a vector for',
      meaning: 'the layers',
    },
    positionsParameter,
    {
      name: 'strength',
      takes: `a number from -${largestStrength} to ${largestStrength}; absent: 1`,
      meaning: 'the factor on the vector',
    },
    {
      name: 'path',
      takes: 'a `.safetensors`, `.npy`, `.npz`, `.json` or `.gguf` file ([steering](steering.md))',
      meaning: 'the vectors',
    },
  ],
  schema: addSchema,
  parse(text) {
    const [left, right] = halves(text) ?? [];
    const at = placeAndPositions(left ?? '');
    const layers = (at?.place ?? '').split(',').map((each) => each.trim());
    const parts = /^\s*(?:([^*:]*)\*)?\s*file:([\s\S]*)$/.exec(right ?? '');
    const strength = parts?.[1] === undefined ? 1 : decimal(parts[1]);
    const path = unquoted(parts?.[2] ?? '');
    if (!at || path === undefined || strength === undefined || !layers.every((each) => /^(L?\d+|\*)$/i.test(each)))
      return undefined;
    return {
      kind: 'add',
      layers: layers.map((each) => whichOf(each.replace(/^L/i, ''))),
      ...(at.positions ? { positions: at.positions } : {}),
      source: { from: 'file', path },
      strength,
    };
  },
  print: ({ layers, positions, source, strength }) =>
    `${layersText(layers)}${positionsText(positions)}=${strength}*${sourceText(source)}`,
  words: ({ layers, positions, source, strength }) =>
    `${strength} x ${fileName(source.path)} added behind ${layersWords(layers)}${positionsText(positions)}`,
  sentence: ({ layers, positions, source, strength }) =>
    `${strength} times the vector of ${source.path} is added to the residual stream that leaves ${layersWords(layers)}, ${positionsWords(positions)}.`,
  slide: { name: 'strength', of: ({ strength }) => strength, with: (value, strength) => ({ ...value, strength }) },
  neutral: ({ strength }) => strength === 0,
  anywhere: ({ positions }) => positions === undefined,
};
