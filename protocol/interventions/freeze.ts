import type { Output } from '../schema/check';
import { either, exactly, list, object, optional } from '../schema/fields';
import { rangeField } from './fields';
import type { InterventionKind } from './kind';
import { holdsEverywhere } from './replacement';
import {
  positionsParameter,
  sourceField,
  sourceOf,
  sourceParameter,
  sourceInShort,
  sourceText,
  sourceWords,
} from './source';
import { halves, placeAndPositions, positionsText, positionsWords } from '../schema/written-form';
import { covers, whichField, whichOf, whichText } from './which';

const part = either(
  object({ layer: whichField, head: whichField }),
  object({ mlp: whichField }),
  'heads as {"layer": 2, "head": "all"} or MLPs as {"mlp": 3}',
);
export type Part = Output<typeof part>;

const freezeSchema = object({
  kind: exactly('freeze'),
  parts: list(part, 'a list of parts', { least: 1, most: 10_000 }),
  /** Recomputed all the same: the changed sender, and what is to pass its change on. */
  except: optional(list(part, 'a list of parts', { most: 10_000 })),
  positions: optional(rangeField),
  source: sourceField,
});
export type Freeze = Output<typeof freezeSchema>;

export const freeze: InterventionKind<Freeze> = {
  kind: 'freeze',
  name: 'frozen outputs',
  meaning:
    'Holds the outputs of heads and MLPs at their values of another run while the rest is recomputed: path patching, when a sender beside it is changed.',
  form: 'freeze:PARTS[@FROM-TO]=SOURCE',
  example: 'freeze:*.*,mlp*,-2.5=own',
  parameters: [
    {
      name: 'parts',
      takes: 'heads (`2.5`, `2.*`, `*.*`) and MLPs (`mlp3`, `mlp*`), separated by commas; `-2.5` leaves one out',
      meaning: 'what is held',
    },
    positionsParameter,
    sourceParameter,
  ],
  schema: freezeSchema,
  parse(text) {
    const [left, right] = halves(text) ?? [];
    const at = placeAndPositions(left ?? '');
    const source = sourceOf(right ?? '');
    if (!at || !source) return undefined;
    const parts: Part[] = [];
    const except: Part[] = [];
    for (const written of at.place.split(',')) {
      const [, minus, name = ''] = /^\s*(-?)\s*(.*)$/.exec(written) ?? [];
      const read = partOf(name);
      if (!read) return undefined;
      (minus === '-' ? except : parts).push(read);
    }
    if (parts.length === 0) return undefined;
    return {
      kind: 'freeze',
      parts,
      ...(except.length > 0 ? { except } : {}),
      ...(at.positions ? { positions: at.positions } : {}),
      source,
    };
  },
  print: ({ parts, except = [], positions, source }) =>
    `${partsText(parts, except)}${positionsText(positions)}=${sourceText(source)}`,
  words: ({ parts, except = [], positions, source }) =>
    `frozen ${partsText(parts, except)} = ${sourceInShort(source)}${positionsText(positions)}`,
  sentence: ({ parts, except = [], positions, source }) => {
    const but = except.length > 0 ? ` but ${except.map(partText).join(', ')}` : '';
    return `The output of each of ${parts.map(partText).join(', ')}${but} is held at ${sourceWords(source)} ${positionsWords(positions)}.`;
  },
  neutral: ({ source }) => source.from === 'own',
  anywhere: holdsEverywhere,
};

function partOf(text: string): Part | undefined {
  const parts = /^(?:mlp(\d+|\*)|L?(\d+|\*)[.H](\d+|\*))\s*$/i.exec(text);
  if (!parts) return undefined;
  const [, mlp, layer, head] = parts;
  return mlp === undefined ? { layer: whichOf(layer), head: whichOf(head) } : { mlp: whichOf(mlp) };
}

const partText = (one: Part): string =>
  'mlp' in one ? `mlp${whichText(one.mlp)}` : `${whichText(one.layer)}.${whichText(one.head)}`;
const partsText = (parts: readonly Part[], except: readonly Part[]): string =>
  [...parts.map(partText), ...except.map((one) => `-${partText(one)}`)].join(',');

/** Whether a head (or the MLP, where `head` is absent) of a layer is held. */
export function isFrozen({ parts, except = [] }: Freeze, layer: number, head?: number): boolean {
  const names = (one: Part): boolean =>
    'mlp' in one
      ? head === undefined && covers(one.mlp, layer)
      : head !== undefined && covers(one.layer, layer) && covers(one.head, head);
  return parts.some(names) && !except.some(names);
}
