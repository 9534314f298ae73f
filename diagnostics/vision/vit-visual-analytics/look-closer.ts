/** What analyses of one head, picture or class show when they are asked for. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { ImageSection } from '../../../protocol/sections/image';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { TableSection } from '../../../protocol/sections/table';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { percent } from '../../../protocol/wire/number-words';
import { hopsOn, type Distance, type Grid } from './hops';
import { comparedUnder, headsOf, lossOf, perHead, without, type Judge } from './importance';
import { dropsSection } from './importance-sections';
import { judgeAgain, labelledPictures, promptOf } from './judge';
import { insideOf, outputWithout, partsOf, replacedBy } from './partial';
import { attentionOf, cellsOf, patternOf } from './patterns';
import { cellAxes } from './pattern-sections';
import type { LabelledPicture } from './labelled-pictures';
import type { VitResult } from './result';
import type { VitJob } from './parameters';
import { profileSection } from './strength-sections';
import { mean } from '../../../kernels/tensors/vectors';
import * as build from '../../../protocol/sections/builders';

/** Pictures on which the parts of a head are measured, at most. */
const mostPictures = 16;

export async function lookCloser(
  model: ModelRunner,
  job: VitJob,
  result: VitResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  if (place.kind === 'row' && section === 'pictures') return pictureDrops(model, result, place.row);
  if (place.kind === 'row' && section === 'classes') return classDrops(result, place.row);
  if (place.kind === 'row' && section === 'signatures')
    return meanPattern(model, job, result, headsOf(model.facts)[place.row]);
  if (place.kind === 'head') {
    const head = { layer: place.layer, head: place.head };
    if (section === 'importance') return partsOfHead(model, job, result, head);
    if (section === 'strength' && result.strength) return profileSection(result.strength, head.layer, head.head);
    if (section === 'groups') return patchRow(model, job, result, head);
  }
  throw new RangeError(`nothing is known of this place of ${section}`);
}

function pictureDrops(model: ModelRunner, { pictures }: VitResult, row: number): Section {
  const picture = pictures[row];
  if (!picture) throw new RangeError(`no picture ${row}`);
  if (picture.drops.length === 0) {
    throw refusal(`Heads are ranked on other pictures than ${picture.name}. Choose one that served for the ranking.`);
  }
  const { name, label, probability } = picture;
  const caption = `For the class ${label}, to which the whole model gives ${percent(probability)}.`;
  return dropsSection(
    `picture-${row}`,
    `What the heads are worth on ${name}`,
    caption,
    perHead(model.facts, picture.drops),
  );
}

function classDrops({ byClass = [] }: VitResult, row: number): Section {
  const one = byClass[row];
  if (!one) throw new RangeError(`no class ${row}`);
  const caption = `Mean over ${one.pictures} pictures of the class.`;
  return dropsSection(`class-${row}`, `What the heads are worth for ${one.name}`, caption, one.drops);
}

/** The pictures of the result on which heads were ranked. */
async function rankedPictures(
  model: ModelRunner,
  job: VitJob,
  { pictures }: VitResult,
): Promise<readonly LabelledPicture[]> {
  const names = new Set(pictures.filter(({ part }) => part === 'ranking').map(({ name }) => name));
  return (await labelledPictures(model, job)).pictures.filter(({ name }) => names.has(name));
}

/** At most `mostPictures`, spread evenly: the pictures of a class stand side by side. */
function some<T>(all: readonly T[]): readonly T[] {
  const count = Math.min(mostPictures, all.length);
  return Array.from({ length: count }, (_, at) => all[Math.floor((at * all.length) / count)]).flatMap(
    (one) => one ?? [],
  );
}

async function lookedAt(
  model: ModelRunner,
  job: VitJob,
  result: VitResult,
): Promise<{ readonly picture: LabelledPicture; readonly prompt: Prompt }> {
  const wanted = job.parameters.picture.trim();
  const all = wanted === '' ? await rankedPictures(model, job, result) : (await labelledPictures(model, job)).pictures;
  const picture = wanted === '' ? all[0] : all.find(({ name }) => name === wanted);
  if (!picture) throw refusal(`"${wanted}" is no picture of the run. Its pictures are listed in the table “Pictures”.`);
  return { picture, prompt: await promptOf(model, picture) };
}

/** The patch that the parameter names, counted line by line. */
export function queryPatch(given: string, { rows, columns }: Grid): number {
  if (given.trim() === '') return (rows >> 1) * columns + (columns >> 1);
  const match = /^\s*(\d+)\s*,\s*(\d+)\s*$/.exec(given);
  const [row, column] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || row >= rows || column >= columns) {
    throw refusal(
      `"${given.slice(0, 40)}" is no patch. Write row and column from 0, at most ${rows - 1},${columns - 1}.`,
    );
  }
  return row * columns + column;
}

async function partsOfHead(
  model: ModelRunner,
  job: VitJob,
  result: VitResult,
  place: HeadPlace,
): Promise<TableSection> {
  const { grid } = result;
  const { parameters } = job;
  const hops = hopsOn(grid, parameters.distance as Distance);
  const query = queryPatch(parameters.query, grid);
  const parts = partsOf(grid.leading, hops, parameters.hops, query);
  const judge = await judgeAgain(model, job, result);
  const pictures = some(await rankedPictures(model, job, result));
  const measured: (readonly ReturnType<typeof lossOf>[])[] = [];
  for (const picture of pictures) {
    const prompt = await promptOf(model, picture);
    const n = prompt.ids.length;
    const { map, values } = await insideOf(model, prompt, place);
    const variants = parts.flatMap(({ holds }) =>
      [false, true].map((renormalise) => replacedBy(place, outputWithout(map, values, n, holds, renormalise))),
    );
    measured.push(await lossesUnder(model, prompt, judge, [...variants, without([place])], picture.label));
  }
  const at = (variant: number, of: 'probability' | 'divergence'): number =>
    mean(measured.map((losses) => losses[variant]?.[of] ?? Number.NaN));
  const numbers = (first: number, second: number) => [
    at(first, 'probability'),
    at(first, 'divergence'),
    at(second, 'probability'),
    at(second, 'divergence'),
  ];
  const last = 2 * parts.length;
  return build.cellTable(
    `parts-L${place.layer}H${place.head}`,
    `What parts of L${place.layer}H${place.head} are worth`,
    `Only a part of its attention is set to 0, on ${pictures.length} pictures on which heads are ranked. Renormalised: what is left of a row is scaled to the sum that the row had; a row that loses everything is 0. The query patch is [${Math.floor(query / grid.columns)}, ${query % grid.columns}].`,
    [
      build.text('part', 'part'),
      build.number('drop', 'drop', 'Mean drop of p(class) without the part, rows not renormalised.'),
      build.number(
        'divergence',
        'change',
        'Mean Jensen-Shannon divergence of the classes, rows not renormalised.',
        'nats',
      ),
      build.number('dropRenormalised', 'drop, renormalised', 'The same drop with rows renormalised.'),
      build.number(
        'divergenceRenormalised',
        'change, renormalised',
        'The same divergence with rows renormalised.',
        'nats',
      ),
    ],
    [
      ...parts.map(({ title }, part) => [title, ...numbers(2 * part, 2 * part + 1)]),
      ['control: the head by gain 0', ...numbers(last, last)],
    ],
  );
}

async function lossesUnder(
  model: ModelRunner,
  prompt: Prompt,
  { judge, classOf }: { readonly judge: Judge; readonly classOf: (label: string) => number },
  variants: Parameters<typeof comparedUnder>[2],
  label: string,
): Promise<readonly ReturnType<typeof lossOf>[]> {
  const [plain, ...changed] = await comparedUnder(model, prompt, [[], ...variants], judge);
  if (!plain) throw new RangeError('the run gave nothing');
  return changed.map((one) => lossOf(plain, one, classOf(label)));
}

async function patchRow(model: ModelRunner, job: VitJob, result: VitResult, place: HeadPlace): Promise<ImageSection> {
  const { grid } = result;
  const { picture, prompt } = await lookedAt(model, job, result);
  if (!prompt.image) throw new RangeError('there is no picture');
  const query = queryPatch(job.parameters.query, grid);
  const hops = hopsOn(grid, job.parameters.distance as Distance);
  const { map } = await insideOf(model, prompt, place);
  const n = prompt.ids.length;
  const patches = Array.from({ length: hops.patches }, (_, j) => j);
  const row = (at: number): readonly number[] => patches.map((j) => map[at * n + grid.leading + j] ?? Number.NaN);
  const read = row(grid.leading + query);
  const hop = patches.map((j) => hops.of[query * hops.patches + j] ?? Number.NaN);
  const name = `[${Math.floor(query / grid.columns)}, ${query % grid.columns}]`;
  const even = build.ranges.fromZero;
  const ring = (j: number): number =>
    read.reduce((sum, value, other) => (hop[other] === hop[j] ? sum + value : sum), 0);
  return {
    kind: 'image',
    id: `row-L${place.layer}H${place.head}`,
    title: `What patch ${name} reads in L${place.layer}H${place.head}`,
    caption: `On ${picture.name}. The parameters “Query patch” and “Picture looked at” choose another.`,
    image: prompt.image,
    numbers: [
      build.scaled(even, 'row', 'Attention of the patch', `p(${name}, patch)`, read),
      build.scaled(
        even,
        'ring',
        'Weight on the ring',
        `Sum of p(${name}, j) over the patches j at the same distance: each ring has one number.`,
        patches.map(ring),
      ),
      build.scaled(even, 'hops', 'Distance', `Distance from ${name}.`, hop, 'patches'),
      ...(grid.leading > 0
        ? [build.scaled(even, 'class', 'Attention of the class row', 'p(class row, patch)', row(0))]
        : []),
    ],
  };
}

async function meanPattern(
  model: ModelRunner,
  job: VitJob,
  result: VitResult,
  place: HeadPlace | undefined,
): Promise<MapSection> {
  if (!place) throw new RangeError('there is no such head');
  const { grid } = result;
  const cells = cellsOf(grid);
  const pictures = some(await rankedPictures(model, job, result));
  const sum = new Float64Array(cells.count ** 2);
  for (const picture of pictures) {
    const { map } = await insideOf(model, await promptOf(model, picture), place);
    patternOf(map, grid.leading, cells).forEach((value, i) => (sum[i]! += value ** 2 / cells.count / pictures.length));
  }
  return {
    kind: 'map',
    id: `mean-L${place.layer}H${place.head}`,
    title: `Mean pattern of L${place.layer}H${place.head}`,
    caption: `Mean over ${pictures.length} pictures of its attention between patches.`,
    unit: '',
    definition: 'Attention between cells of the picture, leading rows and columns left out; rows sum to 1.',
    scale: build.ranges.fromZero,
    ...cellAxes(cells),
    values: attentionOf(sum.map(Math.sqrt), cells.count),
  };
}
