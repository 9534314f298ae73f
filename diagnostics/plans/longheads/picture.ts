/** Which chunks a head opens, query by query, on the first prompt. */
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { sequencePart } from '../../model-runner/sequence';
import { longChunk } from './pass-keys';
import { readings, variantsOf, type LongHeadsParameters } from './run';

/** Queries of the picture at most. */
const mostRows = 128;

export async function picture(
  model: ModelRunner,
  job: AnalysisJob<LongHeadsParameters>,
  { place }: SectionQuestion,
): Promise<Section> {
  const [read] = readings(job);
  if (place.kind !== 'head' || !read) throw new RangeError('chunks are those of a head on a prompt');
  const { layer, head } = place;
  const { chunk, budget, begin } = job.parameters;
  const { sequence, needle } = read;
  const { length } = sequence.ids;
  const stride = Math.ceil(length / mostRows);
  const rows = Array.from({ length: Math.ceil(length / stride) }, (_, at) => length - 1 - at * stride).reverse();
  const { long } = await variantsOf(model, job.parameters, sequence, job.variant);
  const { layers } = await model.run({
    ...sequencePart(sequence),
    variants: [long],
    chunk: longChunk,
    logits: 'none',
    depth: layer + 1,
    chosenBlocks: { layers: [layer], rows },
  });
  const found = new Map(layers[layer]?.chosenBlocks?.rows.map((one) => [one.row, one.opened]));
  const heads = model.facts.blocks[layer]?.heads ?? 1;
  const count = Math.ceil(length / chunk);
  const needles = new Set(needle.map((at) => Math.floor(at / chunk)));
  const values = rows.map((row) => {
    const own = Math.floor(row / chunk);
    const opened = found.get(row);
    const blocks = (opened?.length ?? 0) / heads;
    return Array.from({ length: count }, (_, at) => {
      if (at > own) return 0;
      if (at === 0 || at >= own - 1 || row < Math.max(begin, budget)) return 1;
      return opened?.[head * blocks + at] === 1 ? 2 : 0;
    });
  });
  return {
    kind: 'map',
    id: `chunks ${layer} ${head}`,
    title: `Chunks that L${layer}H${head} reads`,
    caption: `The first prompt${needles.size > 0 ? '; the chunk of the needle is marked in the labels' : ''}. 2: chosen; 1: always read (all of the past before ${Math.max(begin, budget)}, then the first and the newest two); 0: not read.`,
    unit: '',
    definition: '2 where the head chose the chunk, 1 where every query reads it, 0 where it is not read.',
    scale: { kind: 'sequential', min: 0, max: 2 },
    rows: { title: 'position of the query', labels: rows.map(String), named: true },
    columns: {
      title: 'chunk',
      labels: Array.from({ length: count }, (_, at) => (needles.has(at) ? `${at} (needle)` : String(at))),
      named: true,
    },
    values,
  } satisfies MapSection;
}
