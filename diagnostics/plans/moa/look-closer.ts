import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { MoaParameters } from './parameters';
import type { MoaResult } from './result';
import * as build from '../../../protocol/sections/builders';

/** Shows the influence of a head by blocks, at the length of the asked section; for the rules, at the longest. */
export function lookCloser(
  _model: ModelRunner,
  _job: AnalysisJob<MoaParameters>,
  { influence = [] }: MoaResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const own = influence.find(({ tokens }) => section === `influence-${tokens}`) ?? influence.at(-1);
  const map = place.kind === 'head' ? own?.maps[place.layer]?.[place.head] : undefined;
  if (!own || !map || place.kind !== 'head') throw new RangeError(`nothing is known of this place of ${section}`);
  const { side, tokens, prompts } = own;
  const edge = (at: number): number => Math.floor((at * tokens) / side);
  const labels = Array.from({ length: side }, (_, at) => `${edge(at)}–${edge(at + 1) - 1}`);
  return Promise.resolve({
    kind: 'map',
    id: `influence-${tokens}-L${place.layer}H${place.head}`,
    title: `Influence of key/value head ${place.head} of layer ${place.layer} at ${tokens} tokens`,
    caption: `Mean of ${prompts} prompts. A window keeps the blocks along the diagonal, and the first column.`,
    unit: 'nats',
    definition:
      '|E| summed over a block of queries (rows) and keys (columns): E is the change of the loss, to first order, when a weight is masked and its query spreads it over its other keys; of query heads that share keys the largest',
    scale: build.ranges.fromZero,
    rows: { title: 'query', labels, named: true },
    columns: { title: 'key', labels, named: true },
    values: Array.from({ length: side }, (_, row) => map.slice(row * side, (row + 1) * side)),
  });
}
