/** The later sinks of a prompt, head by head, as a run that moves nothing finds them. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ModelRunner } from '../../model-runner/model-runner';
import { sequencePart, type Sequence } from '../../model-runner/sequence';
import { calibrated, type ColumnRule } from './calibration';

/** [layers][heads]: rows that are later sinks, rising. */
export type SinkRows = readonly (readonly (readonly number[])[])[];

/** One table for each rule. */
export async function sinksOf(
  model: ModelRunner,
  sequence: Sequence,
  {
    variant,
    heads,
    rules,
  }: { readonly variant: Variant; readonly heads: readonly HeadPlace[]; readonly rules: readonly ColumnRule[] },
): Promise<readonly SinkRows[]> {
  const prompt = sequence.ids.length;
  const { layers } = await model.run({
    ...sequencePart(sequence),
    variants: rules.map((rule) => calibrated(variant, heads, { rule, beta: 1, prompt })),
    logits: 'none',
  });
  const { blocks } = model.facts;
  return rules.map((_, at) =>
    blocks.map((block, layer) => {
      const { sources } = layers[layer] ?? {};
      return Array.from({ length: block.heads }, (__, head) => {
        if (!sources || !heads.some((one) => one.layer === layer && one.head === head)) return [];
        const start = (at * block.heads + head) * sources.rows;
        const found = sources.found.subarray(start, start + sources.rows);
        return [...found.keys()].filter((row) => found[row] === 1);
      });
    }),
  );
}

export type TokenKind = 'line break' | 'space' | 'punctuation' | 'number' | 'special' | 'word' | 'other';

export function kindOf(piece: string, special: boolean): TokenKind {
  if (special) return 'special';
  if (/[\n\r]/.test(piece)) return 'line break';
  const text = piece.trim();
  if (text === '') return 'space';
  if (/^[\p{P}\p{S}]+$/u.test(text)) return 'punctuation';
  if (/^\p{N}+$/u.test(text)) return 'number';
  return /^[\p{L}\p{M}\p{N}'’-]+$/u.test(text) ? 'word' : 'other';
}
