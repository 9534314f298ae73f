/** What a head attends to from one position, on a prompt and on its counterpart. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { TokensSection } from '../../../protocol/sections/tokens';
import type { Pair } from '../effects/pairs';
import { partName } from '../effects/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import * as build from '../../../protocol/sections/builders';

export async function attentionRow(
  model: ModelRunner,
  variant: Variant,
  pair: Pair,
  head: HeadPlace,
  row: number,
  section: string,
): Promise<TokensSection> {
  const attention = async (sequence: Sequence): Promise<readonly number[]> => {
    const { layers } = await model.run({ ...sequence, variants: [variant], maps: [head], logits: 'none' });
    const { length } = sequence.ids;
    const map = layers[head.layer]?.maps.get(head.head);
    if (!map) throw new RangeError(`the run gave no map of ${partName(head)}`);
    return [...map.subarray(row * length, (row + 1) * length)];
  };
  const number = (name: string, title: string, of: string, values: readonly number[]) =>
    build.shares(name, title, `Probability that position ${row} gives each token, on ${of}.`, values);
  return {
    kind: 'tokens',
    id: `${section}-L${head.layer}H${head.head}`,
    title: `What ${partName(head)} attends to from position ${row}`,
    caption:
      'The first prompt. Where its counterpart has another token, the attention on the counterpart is on that one.',
    tokens: pair.tokens,
    numbers: [
      number('prompt', 'On the prompt', 'the prompt', await attention(pair.clean)),
      number('counterpart', 'On the counterpart', 'its counterpart', await attention(pair.corrupted)),
    ],
  };
}
