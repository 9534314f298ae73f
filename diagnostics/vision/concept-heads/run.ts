/** One run: texts embedded, pictures taken apart one by one, then everything that follows from their parts. */
import { FailureError, refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import type { JointSpace } from '../../model-runner/joint-space';
import type { ModelRunner } from '../../model-runner/model-runner';
import { pictureParts, type OutputMaps, type PictureParts } from './contributions';
import { Measure, ofLengthOne, rotations, type Place, type SharesOfHead } from './measure';
import type { ConceptParameters } from './parameters';
import { patchMap, type HeadsOfMap } from './patch-map';
import { LinearReadout } from './readout';
import type { Ablated, ConceptHeadsResult, DescribedHead, MappedTexts } from './result';
import { labelsOf, mostTexts, textsOf, usualTexts } from './texts';
import { dot } from '../../../kernels/tensors/vectors';

type Job = AnalysisJob<ConceptParameters>;

/** Texts that are embedded in one step. */
const textsAtOnce = 32;
/** Texts that are listed of each picture, and drawn on the map where none is named. */
const nearestTexts = 3;

export async function* conceptHeadsRun(
  model: ModelRunner,
  job: Job,
): AsyncGenerator<Step<ConceptHeadsResult>, ConceptHeadsResult> {
  const { parameters, seed, step } = job;
  const joint = jointOf(model);
  const { blocks } = model.facts;
  const texts =
    parameters.texts === '' ? usualTexts : textsOf(parameters.texts, await model.textFile(parameters.texts));
  const labels =
    parameters.labels === '' ? undefined : labelsOf(parameters.labels, await model.textFile(parameters.labels));
  const classes = [...new Set(labels?.values())].sort();
  const mapped = mappedIn(parameters);
  const { files, of } = await model.pictures({
    folder: parameters.pictures,
    wanted: isPicture,
    count: parameters.count,
    seed,
  });
  if (files.length === 0) throw refusal(`${parameters.pictures} holds no PNG or JPEG files. Choose another folder.`);
  const shown = parameters.shown === '' ? files[0] : files.find(({ name }) => name === parameters.shown);
  if (!shown) throw refusal(`"${parameters.shown}" is not among the ${files.length} pictures that are read.`);

  const firstLayer = Math.max(0, blocks.length - parameters.layers);
  const places = blocks.flatMap(({ heads }, layer) =>
    layer < firstLayer ? [] : Array.from({ length: heads }, (_, head): Place => ({ layer, head })),
  );
  const wanted = [...new Set([...texts, ...classes, ...mapped])];
  const steps = Math.ceil(wanted.length / textsAtOnce);
  const total = steps + files.length + places.length + blocks.length + 1;
  const known = new Map<string, Float32Array>();
  for (let at = 0; at < steps; at++) {
    const some = wanted.slice(at * textsAtOnce, (at + 1) * textsAtOnce);
    yield {
      sentence: `Texts ${at * textsAtOnce + 1} to ${at * textsAtOnce + some.length} of ${wanted.length}`,
      done: at,
      total,
    };
    const embeddings = await step(`texts ${JSON.stringify(some)}`, () => joint.texts(some));
    some.forEach((text, i) => known.set(text, embeddings[i] ?? new Float32Array(joint.width)));
  }
  const embeddingOf = (text: string): Float32Array => known.get(text) ?? new Float32Array(joint.width);

  const { readout, outputs } = await weightsOf(model, joint);
  const parts: PictureParts[] = [];
  const names: string[] = [];
  const failures: { readonly name: string; readonly why: string }[] = [];
  for (const [at, { name, path, stamp }] of files.entries()) {
    yield { sentence: `Picture ${at + 1} of ${files.length}: ${name}`, done: steps + at, total };
    const outcome = await step(`picture ${name} ${stamp}`, () =>
      orReason(async () => pictureParts(model, await model.prompt({ kind: 'image', image: path }), readout, outputs)),
    );
    if ('why' in outcome) failures.push({ name, why: outcome.why });
    else {
      parts.push(outcome.value);
      names.push(name);
    }
  }
  if (parts.length === 0)
    throw refusal(`No picture of ${parameters.pictures} could be read: ${failures[0]?.why ?? ''}`);

  const measure = new Measure(parts, names, texts, texts.map(embeddingOf), seed);
  const perHead = (value: (place: Place) => number): number[][] =>
    blocks.map(({ heads }, layer) => Array.from({ length: heads }, (_, head) => value({ layer, head })));
  const tables = {
    along: perHead(() => Number.NaN),
    above: perHead(() => Number.NaN),
    explained: perHead(() => Number.NaN),
    rotated: perHead(() => Number.NaN),
  };
  const described: DescribedHead[] = [];
  const shares: SharesOfHead[] = [];
  for (const [at, place] of places.entries()) {
    const { layer, head } = place;
    yield { sentence: `Texts of head L${layer}H${head}`, done: steps + files.length + at, total };
    const found = measure.describe(place, parameters.span);
    described.push(found.described);
    shares.push(measure.sharesOf(place));
    const set = (table: number[][], value: number): void => {
      const row = table[layer];
      if (row) row[head] = value;
    };
    set(tables.along, found.along);
    set(tables.above, found.along - found.alongRotated);
    set(tables.explained, found.explained);
    set(tables.rotated, found.rotated);
  }
  const ablation = measure.ablated(blocks.length, (layer) => blocks[layer]?.heads ?? 0);
  let ablated: readonly Ablated[] = [];
  for (let at = 0; ; at++) {
    const done = steps + files.length + places.length + Math.min(at, blocks.length - 1);
    yield { sentence: `Layers replaced by their mean: ${at} of ${blocks.length}`, done, total };
    const next = ablation.next();
    if (next.done) {
      ablated = next.value;
      break;
    }
  }
  const direct = perHead((place) => measure.headShare(place));
  const layerShares = direct.map((row) => row.reduce((sum, value) => sum + value, 0));
  const classified = labels && measure.classified(labels, classes, classes.map(embeddingOf), places);
  const result: ConceptHeadsResult = {
    pictures: names,
    of,
    failures,
    texts: texts.length,
    width: joint.width,
    firstLayer,
    error: Math.max(...parts.map(({ error }) => error)),
    direct,
    attention: layerShares,
    mlps: blocks.map((_, layer) => measure.share(({ mlps }) => mlps[layer])),
    embedding: measure.share(({ embedding }) => embedding),
    bias: measure.share(({ bias }) => bias),
    network: measure.share(({ network }) => network),
    ...tables,
    heads: described,
    concepts: measure.concepts(shares),
    nearest: measure.nearest(nearestTexts),
    ablated,
    ...(classified ? { classified } : {}),
  };
  yield { sentence: `Map of ${shown.name}`, done: total - 1, total, partial: result };
  const own = result.nearest.find(({ name }) => name === shown.name);
  if (!own) return result;
  const onMap = mapped.length > 0 ? mapped : own.texts.map(({ name }) => name);
  const map = await step(`map ${shown.name} ${shown.stamp} ${JSON.stringify(onMap)}`, () =>
    mapOf(model, shown.path, onMap, onMap.map(embeddingOf), { firstLayer }, { readout, outputs }),
  );
  return { ...result, map };
}

export interface ReadoutWeights {
  readonly readout: LinearReadout;
  readonly outputs: OutputMaps;
}

export async function weightsOf(model: ModelRunner, joint: JointSpace): Promise<ReadoutWeights> {
  const outputs: OutputMaps[number][] = [];
  for (const layer of model.facts.blocks.keys()) outputs.push((await model.weights.layer(layer)).output);
  return { readout: new LinearReadout(await joint.readout()), outputs };
}

/** What some heads find of texts in a picture, token by token. */
export async function mapOf(
  model: ModelRunner,
  path: string,
  texts: readonly string[],
  embeddings: readonly Float32Array[],
  heads: HeadsOfMap,
  weights: ReadoutWeights,
): Promise<MappedTexts> {
  const { readout, outputs } = weights;
  const prompt = await model.prompt({ kind: 'image', image: path });
  const { image } = prompt;
  if (!image) throw new RangeError('a picture has an image span');
  const units = embeddings.map(ofLengthOne);
  const { whole } = await pictureParts(model, prompt, readout, outputs);
  const sums = await patchMap(model, prompt, readout, outputs, heads, units);
  const length = Math.sqrt(dot(whole, whole));
  return {
    image,
    texts: texts.map((text, at) => {
      const values = Array.from(sums[at] ?? []);
      return {
        text,
        cosine: dot(whole, units[at] ?? whole) / length,
        values: values.slice(image.start, image.end),
        leading: values.slice(0, image.start).reduce((sum, value) => sum + value, 0),
      };
    }),
  };
}

export function jointOf({ joint }: ModelRunner): JointSpace {
  if (!joint) throw new RangeError('the model has no space in common for pictures and texts');
  return joint;
}

const isPicture = (name: string): boolean => /\.(png|jpe?g)$/iu.test(name);

function mappedIn({ mapped }: ConceptParameters): readonly string[] {
  const texts = mapped
    .split(';')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  if (texts.length > 12) throw refusal(`${texts.length} texts are named for the map, and at most 12 are drawn.`);
  return [...new Set(texts)];
}

/** A picture that cannot be read is named, and the others go on. */
async function orReason<T>(act: () => Promise<T>): Promise<{ readonly value: T } | { readonly why: string }> {
  try {
    return { value: await act() };
  } catch (error) {
    if (!(error instanceof FailureError) || error.failure.code !== 'bad-request') throw error;
    return { why: error.failure.detail };
  }
}

/** Bytes of what is held of the pictures, of the texts, and of one run with everything that its parts need. */
export function bytesHeld(
  { blocks, hiddenSize, jointWidth = 0, summary }: ModelRunner['facts'],
  { count, texts, layers }: ConceptParameters,
): number {
  const vectors = blocks.reduce((sum, { heads }) => sum + heads + 1, 4);
  // Copies of the embeddings, centred and ablated, in float64.
  const ofPictures = count * jointWidth * (4 * vectors + 8 * 6);
  const ofTexts = (texts === '' ? usualTexts.length : mostTexts) * jointWidth * (8 + 4 * rotations);
  const { imageSize = 0, patchSize = 1 } = summary.vision ?? {};
  const rows = Math.floor(imageSize / patchSize) ** 2 + 1;
  const heads = Math.max(...blocks.map((block) => block.heads));
  const taps = 4 * rows * Math.max(2 * blocks.length * hiddenSize, Math.min(layers, blocks.length) * heads * rows);
  return ofPictures + ofTexts + taps;
}
