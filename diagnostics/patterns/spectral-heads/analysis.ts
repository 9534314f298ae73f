/** The analysis `spectral-heads`: how far the mean map of each head is one kernel moved to every query. */
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { Analysis, AnalysisJob, Step } from '../../analysis';
import { refusal } from '../../../protocol/wire/failures';
import { layerMaps, mapBytes, passesOfMaps, readableKeys } from '../../shared/maps/layer-maps';
import { overLayers } from '../../shared/maps/over-layers';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { patchGrid } from '../../model-runner/regions';
import { withoutSpan, type Sequence } from '../../model-runner/sequence';
import { back, fitOf, grid, torus, type Distances, type Fit } from './circulant';
import { spectralHeadsResult, type PerHead, type SpectralHeadsResult } from './result';
import { finding, kernelSection, sections } from './sections';
import * as field from '../../../kernels/parameters';

type Parameters = { readonly pictures: string; readonly count: number; readonly rows: number };

export const spectralHeads: Analysis<Parameters, SpectralHeadsResult> = {
  id: 'spectral-heads',
  title: 'Spectral heads',
  question: 'Which heads do what a fixed filter could do?',
  group: 'patterns',
  source: {
    reference:
      'arXiv:2304.06446 (SpectFormer: a gate in frequency is a circulant map); github.com/badripatro/SpectFormers',
    trust: 'medium',
    note: 'The fit of trained heads is ours. Without wrap-around, and for causal models, the matrix is Toeplitz: no filter on a ring is causal.',
  },
  inputs: ['prompt'],
  readsMaps: true,
  parameters: {
    pictures: field.folder(
      'Further pictures',
      'For a vision encoder: a folder of pictures. Their maps are averaged with that of the given picture.',
    ),
    count: field.integer('Pictures', 'Pictures from the folder, drawn by the seed.', { min: 1, max: 256, default: 8 }),
    rows: field.integer('Tokens', 'For a causal model: how many tokens are read from the start of the prompt.', {
      min: 2,
      max: 1024,
      default: 256,
    }),
  },
  result: spectralHeadsResult,
  supports: () => ({ ok: true }),
  estimate(facts, { prompts: [prompt] }, { pictures, count, rows: most }) {
    const rows = Math.min(prompt?.ids.length ?? 0, facts.summary.causal ? most : Infinity);
    const inputs = pictures === '' ? 1 : 1 + count;
    return { passes: inputs * passesOfMaps(facts), bytes: 2 * mapBytes(facts, rows) };
  },
  run: fits,
  ask: (_, __, result, question) => Promise.resolve(kernelOf(result, question)),
  finding,
  sections,
};

function kernelOf(result: SpectralHeadsResult, { place }: SectionQuestion): Section {
  const at = place.kind === 'head' ? place : { layer: 0, head: 0 };
  return kernelSection(result, at, 'kernel');
}

interface Fits {
  readonly around: Fit;
  readonly straight: Fit;
}

async function* fits(
  model: ModelRunner,
  { input, parameters, variant, groups, seed, step }: AnalysisJob<Parameters>,
): AsyncGenerator<Step<SpectralHeadsResult>, SpectralHeadsResult> {
  const [prompt] = input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  const { blocks } = model.facts;
  const patches = patchGrid(prompt);
  const causal = blocks.some((block) => block.causal);
  const length = Math.min(prompt.ids.length, causal ? parameters.rows : Infinity);
  const sequences = (await inputsOf(model, prompt, length, parameters, seed)).map((one): Sequence => ({
    ...one,
    ...(groups ? { groups } : {}),
  }));
  const n = length;
  const form = causal ? 'toeplitz' : patches ? 'block-circulant' : 'circulant';
  const [height, width] = !causal && patches ? [patches.rows, patches.columns] : [1, n];
  const rows = !causal && patches ? patches.at : Array.from({ length: n }, (_, at) => at);
  const distances = (layer: number): readonly [around: Distances, straight: Distances] => {
    if (!causal) return [torus(rows, height, width), grid(rows, height, width)];
    const block = blocks[layer];
    const reads = back(n, (row) => (block ? readableKeys(block, prompt, row) : [0, 0]));
    return [reads, reads];
  };
  const look = async (layer: number): Promise<readonly Fits[]> => {
    const sums: Float64Array[] = [];
    for (const sequence of sequences) {
      const maps = await layerMaps(model, sequence, variant, layer);
      maps.forEach((map, head) => {
        const sum = (sums[head] ??= new Float64Array(map.length));
        map.forEach((value, at) => (sum[at] = (sum[at] ?? 0) + value / sequences.length));
      });
    }
    const [around, straight] = distances(layer);
    return sums.map((map) => {
      const first = fitOf(map, n, around);
      return { around: first, straight: causal ? first : fitOf(map, n, straight) };
    });
  };
  return yield* overLayers(blocks.length, step, look, (looked): SpectralHeadsResult => {
    const perHead = (of: (one: Fits) => number): PerHead =>
      blocks.map(({ heads }, layer) =>
        Array.from({ length: heads }, (_, head) => {
          const one = looked[layer]?.[head];
          return one ? of(one) : Number.NaN;
        }),
      );
    return {
      ...{ form, height, width, inputs: sequences.length },
      residual: perHead(({ around }) => around.residual),
      explained: perHead(({ around }) => around.explained),
      straight: perHead(({ straight }) => straight.residual),
      kernels: looked.map((heads) => heads.map(({ around }) => around.kernel)),
    };
  });
}

/** The prompt, cut where it is long, and further pictures of an encoder. */
async function inputsOf(
  model: ModelRunner,
  prompt: Prompt,
  length: number,
  { pictures, count }: Parameters,
  seed: number,
): Promise<readonly Sequence[]> {
  const end = prompt.ids.length;
  const own = length < end ? withoutSpan(prompt, { start: length, end }, 'original') : prompt;
  if (pictures.trim() === '') return [own];
  if (!prompt.image || model.facts.summary.causal) {
    throw refusal('Further pictures are averaged for a vision encoder alone. Leave the folder out.');
  }
  const wanted = (name: string): boolean => /\.(png|jpe?g)$/iu.test(name);
  const { files } = await model.pictures({ folder: pictures, wanted, count, seed });
  const all: Sequence[] = [own];
  for (const { path } of files) all.push(await model.prompt({ kind: 'image', image: path }));
  return all;
}
