/** What a head attends to at the position of its stage, on the first prompt and on its counterpart. */
import type { Section, SectionQuestion } from '../../protocol/sections/section';
import type { AnalysisJob } from '../analysis';
import { pairsOf } from '../activation-patching/pairs';
import { partName } from '../effects/parts';
import type { ModelRunner } from '../model-runner/model-runner';
import type { Sequence } from '../model-runner/sequence';
import { ranked } from './finding';
import type { PathParameters } from './parameters';
import type { PathResult } from './result';
import { positionsOf } from './stages';

export async function ask(
  model: ModelRunner,
  job: AnalysisJob<PathParameters>,
  result: PathResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const stage = result.stages[Number(section.split('-').at(-1)) - 1];
  const head = place.kind === 'head' ? place : place.kind === 'row' && stage ? ranked(stage)[place.row] : undefined;
  if (!stage || !head) throw new RangeError(`nothing is known of this place of ${section}`);
  const { pairs } = await pairsOf(model, job);
  const [pair] = pairs;
  if (!pair) throw new RangeError('there is no prompt to look at');
  const row = positionsOf(stage.at, pairs)(pair).at(-1) ?? pair.clean.ids.length - 1;
  const attention = async (sequence: Sequence): Promise<readonly number[]> => {
    const { layers } = await model.run({ ...sequence, variants: [job.variant], maps: [head], logits: 'none' });
    const { length } = sequence.ids;
    const map = layers[head.layer]?.maps.get(head.head);
    if (!map) throw new RangeError(`the run gave no map of ${partName(head)}`);
    return [...map.subarray(row * length, (row + 1) * length)];
  };
  const number = (name: string, title: string, of: string, values: readonly number[]) => ({
    name,
    title,
    unit: '',
    definition: `Probability that position ${row} gives each token, on ${of}.`,
    scale: { kind: 'sequential', min: 0, max: 1 } as const,
    values,
  });
  return {
    kind: 'tokens',
    id: `${section}-L${head.layer}H${head.head}`,
    title: `What ${partName(head)} attends to from position ${row}`,
    caption: `The first prompt; the tokens are its own. Where the counterpart differs from it, the attention there is on the other token.`,
    tokens: pair.tokens,
    numbers: [
      number('prompt', 'On the prompt', 'the prompt', await attention(pair.clean)),
      number('counterpart', 'On the counterpart', 'its counterpart', await attention(pair.corrupted)),
    ],
  };
}
