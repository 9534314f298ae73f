import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

export type MoaParameters = {
  readonly density: number;
  readonly floor: number;
  readonly lengths: string;
  readonly further: string;
  readonly validation: number;
  readonly held: number;
  readonly random: number;
  readonly supervised: string;
  readonly answer: number;
  readonly block: number;
  readonly step: number;
  readonly perLayer: number;
  readonly intervals: number;
};

export const parameters: ParameterTable<MoaParameters> = {
  density: field.number('Density', 'Largest share of all keys and values that the plan may keep, at every length.', {
    min: 0.01,
    max: 1,
    default: 0.5,
  }),
  floor: field.number(
    'Least use of the density',
    'Share of the density that plans keep at least, so that they compare; 0: none.',
    { min: 0, max: 1, default: 0.9 },
  ),
  lengths: field.text(
    'Profiled lengths',
    'Lengths of the calibration prompts, e.g. 128,256,512; empty: a quarter, a half and all of 512 tokens, or of half the context where it is shorter. A task without a length is parted by the lengths of its prompts.',
  ),
  further: field.text(
    'Further lengths',
    'Longer lengths at which the density holds too and the plan is measured; empty: twice the longest profiled one, if the context has it.',
  ),
  validation: field.integer(
    'Validation length',
    'Length that is not profiled, at which one of the plans is chosen; 0: one and a half of the longest profiled.',
    { min: 0, max: 1 << 22, default: 0, unit: 'tokens' },
  ),
  held: field.integer('Validation prompts', 'Prompts that choose the plan, and as many others that judge it.', {
    min: 1,
    max: 200,
    default: 8,
  }),
  random: field.integer(
    'Random controls',
    'Plans that give the same rules to randomly drawn heads, to compare the chosen heads with.',
    { min: 0, max: 20, default: 3 },
  ),
  supervised: field.choice(
    'Supervised tokens',
    'Tokens whose loss counts. model: what the model itself answers, as published; task: the right answer of the task; all: every token of the prompt.',
    { options: ['model', 'task', 'all'], default: 'model' },
  ),
  answer: field.integer('Tokens of an answer', 'At most, of what the model itself answers.', {
    min: 1,
    max: 256,
    default: 16,
    unit: 'tokens',
  }),
  block: field.integer(
    'Block',
    'Queries and keys whose influence is added up; spans are whole blocks, and the first block is kept. 0: 64, or a sixteenth of the shortest length where that is less (4 or more).',
    { min: 0, max: 1024, default: 0, unit: 'tokens' },
  ),
  step: field.integer(
    'Step of alpha',
    'Between the fixed parts of spans that are tried; 0: an eighth of the longest profiled length.',
    { min: 0, max: 1 << 20, default: 0, unit: 'tokens' },
  ),
  perLayer: field.integer(
    'Rules of a layer',
    'Different rules in a layer at most: the published kernels want 2; 0: any number.',
    { min: 0, max: 64, default: 0 },
  ),
  intervals: field.integer(
    'Intervals',
    'The loss at each length is cut into so many parts while plans are searched of which none is better everywhere.',
    { min: 1, max: 8, default: 3 },
  ),
};

/** Lengths as a person writes them, rising; undefined where the text is none. */
export function lengthsOf(text: string): readonly number[] | undefined {
  const parts = text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
  const lengths = parts.map(Number);
  if (parts.some((part) => !/^\d{1,7}$/.test(part)) || lengths.includes(0)) return undefined;
  return [...new Set(lengths)].sort((a, b) => a - b);
}

/** Block and step of alpha for prompts of these lengths. */
export function gridOf(
  { block, step }: Pick<MoaParameters, 'block' | 'step'>,
  profiled: readonly number[],
): { readonly block: number; readonly step: number } {
  const own = block || Math.min(64, Math.max(4, Math.floor(Math.min(...profiled) / 16)));
  return { block: own, step: step || Math.max(own, own * Math.round(Math.max(...profiled) / 8 / own)) };
}
