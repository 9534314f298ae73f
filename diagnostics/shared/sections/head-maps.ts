/** One head on a prompt as a section: its attention, its cross-attention, or its effective attention where it is a recurrence. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { type Variant, hasChange } from '../../../models/instrument/changes/changes';
import type { MapAxis, MapSection } from '../../../protocol/sections/map';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { decidesSources } from '../../model-runner/redistribution-sources';
import type { RunRequest } from '../../model-runner/run-request';
import { withoutSpan, type Sequence } from '../../model-runner/sequence';
import * as build from '../../../protocol/sections/builders';

/** How many positions are drawn: a screen can show 262,144 cells, and they fit into a file of a few megabytes. */
export const mostDrawn = 512;

type Job = Pick<AnalysisJob<Record<never, never>>, 'input' | 'variant' | 'groups'>;

/** Queries down, keys across. */
export async function attentionMap(
  model: ModelRunner,
  job: Job,
  { layer, head }: HeadPlace,
  id: string,
): Promise<MapSection> {
  const { prompt, labels, width, result } = await drawnLayer(model, job, layer, { maps: [{ layer, head }] });
  const data = result?.maps.get(head);
  if (!data) throw new RangeError(`the run gave no map of L${layer}H${head}`);
  return {
    ...headMap(
      { layer, head },
      id,
      {
        title: 'Attention',
        caption: captionOf(prompt, labels.length, 'as queries and as keys'),
        definition: 'p(i, j): probability that query i (row) gives key j (column)',
        scale: build.ranges.share,
        rows: { title: 'query', labels },
        columns: { title: 'key', labels },
      },
      { data, width },
    ),
    attentionOf: { layer, head },
  };
}

/** Rows of the target, columns of the source. */
export async function crossMap(
  model: ModelRunner,
  { input, variant, groups }: Job,
  { layer, head }: HeadPlace,
  id: string,
): Promise<MapSection> {
  const [prompt] = input.prompts;
  if (!prompt?.source) throw new RangeError('the analysis reads no source');
  const { ids, tokens, source } = prompt;
  const crossMaps = [{ layer, head }];
  const { layers } = await model.run({
    ...prompt,
    groups,
    variants: [variant],
    crossMaps,
    depth: layer + 1,
    logits: 'none',
  });
  const data = layers[layer]?.cross?.maps.get(head);
  if (!data) throw new RangeError(`the run gave no cross-attention of L${layer}H${head}`);
  const width = source.ids.length;
  const [rows, columns] = [tokens.slice(0, mostDrawn), source.tokens.slice(0, mostDrawn)];
  const caption =
    rows.length < ids.length || columns.length < width
      ? `The first ${rows.length} of ${ids.length} tokens of the target and ${columns.length} of ${width} of the source: the rest is not drawn.`
      : `All ${ids.length} tokens of the target and ${width} of the source.`;
  return headMap(
    { layer, head },
    id,
    {
      title: 'Cross-attention',
      caption,
      definition: 'p(i, j): probability that row i of the target gives row j of the source',
      scale: build.ranges.share,
      rows: { title: 'target', labels: rows },
      columns: { title: 'source', labels: columns },
    },
    { data, width },
  );
}

/** Outputs down, values across. */
export async function effectiveMap(
  model: ModelRunner,
  job: Job,
  { layer, head }: HeadPlace,
  id: string,
): Promise<MapSection> {
  const taps = [{ layer, tap: 'state.effective' }] as const;
  const { prompt, labels, width, result } = await drawnLayer(model, job, layer, { taps });
  const tensor = result?.taps['state.effective'];
  if (!(tensor?.data instanceof Float32Array) || head >= (tensor.shape[1] ?? 0)) {
    throw new RangeError(`the run gave no effective attention of L${layer}H${head}`);
  }
  return headMap(
    { layer, head },
    id,
    {
      title: 'Effective attention',
      caption: captionOf(prompt, labels.length, 'as outputs and as values'),
      definition: 'E(i, j): the factor of the value of token j (column) in the output of token i (row)',
      scale: build.ranges.diverging,
      rows: { title: 'output', labels },
      columns: { title: 'value', labels },
    },
    { data: tensor.data.subarray(head * width * width), width },
  );
}

/** What a run of the positions that are drawn gives of a layer, their tokens, and how many positions were run. */
async function drawnLayer(
  model: ModelRunner,
  { input, variant, groups }: Job,
  layer: number,
  wanted: Pick<RunRequest, 'maps' | 'taps'>,
) {
  const prompt = promptOf(input);
  const { drawn, run } = drawnRun(model, { ...prompt, groups }, variant);
  const { layers } = await model.run({ ...run, ...wanted, variants: [variant], depth: layer + 1, logits: 'none' });
  return { prompt, labels: prompt.tokens.slice(0, drawn), width: run.ids.length, result: layers[layer] };
}

const promptOf = ({ prompts: [prompt] }: Job['input']): Prompt => {
  if (!prompt) throw new RangeError('the analysis reads no prompt');
  return prompt;
};

const captionOf = ({ ids: { length } }: Prompt, drawn: number, as: string): string =>
  drawn === length ? `All ${length} tokens.` : `The first ${drawn} of ${length} tokens, ${as}: the rest is not drawn.`;

/** The labelled cells of a matrix whose rows are `width` wide. */
const headMap = (
  { layer, head }: HeadPlace,
  id: string,
  {
    title,
    rows,
    columns,
    ...words
  }: Pick<MapSection, 'title' | 'caption' | 'definition' | 'scale'> & {
    readonly rows: MapAxis;
    readonly columns: MapAxis;
  },
  { data, width }: { readonly data: Float32Array; readonly width: number },
): MapSection => ({
  kind: 'map',
  id: `${id}-L${layer}H${head}`,
  title: `${title} of L${layer}H${head}`,
  ...words,
  unit: '',
  rows,
  columns,
  values: rows.labels.map((_, row) => [...data.subarray(row * width, row * width + columns.labels.length)]),
});

/** The positions that are drawn, and the sequence that is run for them: only those positions, if later ones do not matter. */
function drawnRun(
  model: ModelRunner,
  sequence: Sequence,
  variant: Variant,
): { readonly drawn: number; readonly run: Sequence } {
  const drawn = Math.min(sequence.ids.length, mostDrawn);
  return { drawn, run: readsNothingBehind(model, sequence, variant, drawn) ? upTo(sequence, drawn) : sequence };
}

/** Whether the rows before `end` are the same in a run that ends there. */
const readsNothingBehind = (
  { facts }: ModelRunner,
  { prefix = 0 }: Sequence,
  variant: Variant,
  end: number,
): boolean => {
  return (
    facts.blocks.every(({ causal }) => causal) &&
    prefix <= end &&
    !decidesSources(variant) &&
    !hasChange(variant, 'replacement', 'bias', 'weight')
  );
};

const upTo = (sequence: Sequence, end: number): Sequence =>
  end < sequence.ids.length ? withoutSpan(sequence, { start: end, end: sequence.ids.length }, 'original') : sequence;
