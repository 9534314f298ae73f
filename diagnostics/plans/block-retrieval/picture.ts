/** How much attention a head gives each block, query by query, on the first prompt. */
import { refusal } from '../../../protocol/wire/failures';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { sequencePart } from '../../model-runner/sequence';
import { readings, type BlockRetrievalParameters } from './run';
import * as build from '../../../protocol/sections/builders';

const mostRows = 128;
/** Tokens: the probabilities of the head are held whole. */
const longest = 8192;

export async function picture(
  model: ModelRunner,
  job: AnalysisJob<BlockRetrievalParameters>,
  { place }: SectionQuestion,
): Promise<Section> {
  const [read] = readings(job);
  if (place.kind !== 'head' || !read) throw new RangeError('blocks are those of a head on a prompt');
  const { layer, head } = place;
  const { block } = job.parameters;
  const { sequence, needle } = read;
  const { length } = sequence.ids;
  if (length > longest)
    throw refusal(
      `The prompt has ${length} tokens, and the picture of a head is drawn up to ${longest}. Take a shorter prompt.`,
    );
  const { layers } = await model.run({
    ...sequencePart(sequence),
    variants: [job.variant],
    logits: 'none',
    depth: layer + 1,
    maps: [{ layer, head }],
  });
  const map = layers[layer]?.maps.get(head) ?? new Float32Array(0);
  const stride = Math.ceil(length / mostRows);
  const rows = Array.from({ length: Math.ceil(length / stride) }, (_, at) => length - 1 - at * stride).reverse();
  const needles = new Set(needle.map((at) => Math.floor(at / block)));
  const count = Math.ceil(length / block);
  return {
    kind: 'map',
    id: `blocks ${layer} ${head}`,
    title: `Attention of L${layer}H${head} by block`,
    caption: `Everything read in the first prompt${needles.size > 0 ? '; the block of the needle is marked in the labels' : ''}.`,
    unit: '',
    definition: 'Sum of the attention of the query on the keys of the block.',
    scale: build.ranges.share,
    rows: { title: 'position of the query', labels: rows.map(String), named: true },
    columns: {
      title: 'block',
      labels: Array.from({ length: count }, (_, at) => (needles.has(at) ? `${at} (needle)` : String(at))),
      named: true,
    },
    values: rows.map((row) =>
      Array.from({ length: count }, (_, at) =>
        map
          .subarray(row * length + at * block, row * length + Math.min(length, (at + 1) * block))
          .reduce((sum, p) => sum + p, 0),
      ),
    ),
  } satisfies MapSection;
}
