/** The attention of one head on a prompt as a section: what analyses of heads answer when a head is asked for. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { type Variant, hasChange } from '../../../models/instrument/changes/changes';
import type { MapSection } from '../../../protocol/sections/map';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { decidesSources } from '../../model-runner/redistribution-sources';
import { withoutSpan, type Sequence } from '../../model-runner/sequence';
import * as build from '../../../protocol/sections/builders';

/** Positions that are drawn: 262,144 cells are what a screen shows and a file of a few megabytes holds. */
export const mostDrawn = 512;

export async function attentionMap(
  model: ModelRunner,
  { input, variant, groups }: Pick<AnalysisJob<Record<never, never>>, 'input' | 'variant' | 'groups'>,
  { layer, head }: HeadPlace,
  id: string,
): Promise<MapSection> {
  const [prompt] = input.prompts;
  if (!prompt) throw new RangeError('the analysis reads no prompt');
  const sequence: Sequence = { ...prompt, groups };
  const { length } = prompt.ids;
  const drawn = Math.min(length, mostDrawn);
  const run = readsNothingBehind(model, prompt, variant, drawn) ? upTo(sequence, drawn) : sequence;
  const { layers } = await model.run({ ...run, variants: [variant], maps: [{ layer, head }], logits: 'none' });
  const map = layers[layer]?.maps.get(head);
  if (!map) throw new RangeError(`the run gave no map of L${layer}H${head}`);
  const width = run.ids.length;
  const labels = prompt.tokens.slice(0, drawn);
  return {
    kind: 'map',
    id: `${id}-L${layer}H${head}`,
    title: `Attention of L${layer}H${head}`,
    caption:
      drawn === length
        ? `All ${length} tokens.`
        : `The first ${drawn} of ${length} tokens, as queries and as keys: the rest is not drawn.`,
    unit: '',
    definition: 'p(i, j): probability that query i (row) gives key j (column)',
    scale: build.ranges.share,
    rows: { title: 'query', labels },
    columns: { title: 'key', labels },
    attentionOf: { layer, head },
    values: Array.from({ length: drawn }, (_, query) => [...map.subarray(query * width, query * width + drawn)]),
  };
}

/** Whether the rows before `end` are the same in a run of them alone. */
const readsNothingBehind = ({ facts }: ModelRunner, { prefix = 0 }: Prompt, variant: Variant, end: number): boolean => {
  return (
    facts.blocks.every(({ causal }) => causal) &&
    prefix <= end &&
    !decidesSources(variant) &&
    !hasChange(variant, 'replacement', 'bias', 'weight')
  );
};

const upTo = (sequence: Sequence, end: number): Sequence =>
  end < sequence.ids.length ? withoutSpan(sequence, { start: end, end: sequence.ids.length }, 'original') : sequence;
