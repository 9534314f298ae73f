import { runnable, unreadParts } from '../../models/architectures/catalogue';
import { alibiHeads } from '../../models/formats/estimates/alibi-scope';
import { decodeFlops } from '../../models/formats/estimates/flops';
import { cacheFormat, kvBytesPerToken, kvCache } from '../../models/formats/estimates/kv-cache';
import type { Layer, ModelDescription, ModelPart, Rope } from '../../models/formats/model-description';
import { countParameters } from '../../models/formats/expected-tensors';
import type { LayerFacts, ModelFacts, ModelPartFacts } from '../../protocol/language/requests';
import type { Finding } from './finding';
import type { FolderFacts } from './folder-facts';
import type { ModelFile } from './model-file';
import { attentionWords, cacheLengths, hasCache } from './part-facts';

/** `llama3 x 8`; `none` where positions are as trained. */
const scalingWords = ({ scaling }: Rope): string => {
  const factor = 'factor' in scaling && scaling.factor !== undefined ? ` x ${scaling.factor}` : '';
  return `${scaling.kind === 'unknown' ? scaling.name.slice(0, 40) : scaling.kind}${factor}`;
};

const ropeFacts = ({ ropes, layers }: ModelPart): Pick<ModelPartFacts, 'rope'> => {
  const full = layers.find(({ attention }) => attention.kind === 'full' && attention.rope !== undefined);
  const rope = ropes[full?.attention.rope ?? 0];
  return rope === undefined
    ? {}
    : { rope: { theta: rope.theta, dimensions: rope.dimensions, scaling: scalingWords(rope) } };
};

/** What the headers of the weights hold, by number format. */
const storedFormats = (
  { shards }: FolderFacts,
  parameters: number | undefined,
): Pick<ModelFacts, 'formats' | 'bitsPerWeight'> => {
  const formats = new Map<string, { name: string; weights: number; bytes: number }>();
  for (const { file, tensors } of shards.values()) {
    if (file.startsWith('adapter')) continue;
    for (const { dtype, shape, begin, end } of tensors) {
      const share = formats.get(dtype) ?? { name: dtype, weights: 0, bytes: 0 };
      share.weights += shape.reduce((product, size) => product * size, 1);
      share.bytes += end - begin;
      formats.set(dtype, share);
    }
  }
  if (formats.size === 0) return {};
  const all = [...formats.values()].toSorted((one, other) => other.bytes - one.bytes);
  const bytes = all.reduce((sum, share) => sum + share.bytes, 0);
  const complete = [...shards.values()].every(({ pointer, problem }) => !pointer && problem === undefined);
  return {
    formats: all,
    ...(parameters === undefined || !complete ? {} : { bitsPerWeight: (8 * bytes) / parameters }),
  };
};

const layerFacts = ({
  attention: { kind, window, heads, kvHeads },
  crossAttention,
  hiddenSize,
}: Layer): LayerFacts => ({
  kind: kind === 'mamba' ? 'linear' : kind,
  ...(window === undefined ? {} : { window }),
  heads,
  kvHeads,
  ...(crossAttention === undefined ? {} : { cross: true }),
  ...(hiddenSize === undefined ? {} : { hiddenSize }),
});

const partFacts = (part: ModelPart, alibi: ModelPartFacts['alibi']): ModelPartFacts => ({
  path: part.path.join('.'),
  role: part.role,
  attention: part.attention,
  layers: part.layers.map(layerFacts),
  heads: part.heads,
  kvHeads: part.kvHeads,
  headDim: part.headDim,
  valueDim: part.valueDim,
  hiddenSize: part.hiddenSize,
  ...(part.contextLength === undefined ? {} : { contextLength: part.contextLength }),
  ...ropeFacts(part),
  ...(alibi === undefined ? {} : { alibi }),
});

/** Letters of these stand for words. */
const initials: ReadonlySet<string> = new Set(['awq', 'gptq', 'fp8', 'mxfp4', 'mlx', 'hqq', 'aqlm', 'eetq', 'vptq']);

/** `AWQ 4-bit, `; nothing of weights that are not quantised. */
const quantisedWords = ({ quantisation }: ModelDescription): string => {
  if (quantisation === undefined || quantisation.method === 'unknown') return '';
  const { method, bits } = quantisation;
  const name = initials.has(method) ? method.toUpperCase() : method.slice(0, 40);
  return `${name}${bits === undefined || /\d$/.test(name) ? '' : ` ${bits}-bit`}, `;
};

/** One sentence on how a model is quantised, and on the attention of its main part. */
export const modelSentence = (description: ModelDescription): string => {
  const part = description.parts[0];
  if (part === undefined || part.layers.length === 0) return `${description.title}.`;
  const words = `${quantisedWords(description)}${attentionWords(part)}`;
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
};

const weightBytes = (facts: FolderFacts): number | undefined => {
  const sizes = [...facts.shards.values()].filter(({ pointer, file }) => !pointer && !file.startsWith('adapter'));
  return sizes.length === 0 ? undefined : sizes.reduce((sum, { bytes }) => sum + bytes, 0);
};

/** Everything that trees and panels show of a model; null when the file describes none. */
export const modelFacts = (file: ModelFile, facts: FolderFacts, findings: readonly Finding[]): ModelFacts | null => {
  const { description, document } = file;
  const main = description?.parts[0];
  if (description === undefined || main === undefined) return null;
  const counted = countParameters(description);
  // Attention scores grow with the context: the figure is for a token with 2048 before it, as `headscope inspect` has it.
  const flops = decodeFlops(description, 2048);
  const bytes = weightBytes(facts);
  const unread = unreadParts(description);
  return {
    uri: document.uri,
    name: facts.name,
    family: description.ownFamily?.title ?? description.family,
    ...(description.modelType === undefined ? {} : { modelType: description.modelType }),
    sentence: modelSentence(description),
    parts: description.parts.map((part) => partFacts(part, alibiHeads(part, description.family))),
    ...(main.vocabularySize === undefined ? {} : { vocabularySize: main.vocabularySize }),
    ...(description.dtype === undefined ? {} : { dtype: description.dtype }),
    ...(description.dtypeFrom === undefined ? {} : { dtypeFrom: description.dtypeFrom }),
    ...(counted === undefined
      ? {}
      : {
          parameters: {
            total: counted.total,
            active: counted.active,
            parts: counted.split.map(({ name, count }) => ({ name, count })),
          },
        }),
    ...(bytes === undefined ? {} : { weightBytes: bytes }),
    ...storedFormats(facts, counted?.total),
    ...(hasCache(description, main)
      ? {
          cache: {
            dtype: cacheFormat(description).dtype ?? 'float32',
            // The first says length and batch, which vary.
            assumptions: kvCache(description, { length: 2048 })?.assumptions.slice(1) ?? [],
          },
          kvBytesPerToken: kvBytesPerToken(description),
          kvBytes: cacheLengths(main).map((length) => ({
            length,
            bytes: kvCache(description, { length })?.value ?? 0,
          })),
        }
      : {}),
    ...(flops === undefined || flops.value === 0 ? {} : { flopsPerToken: flops.value }),
    supported: runnable(description),
    ...(unread === undefined ? {} : { unread }),
    errors: findings.filter(({ severity }) => severity === 'error').length,
    warnings: findings.filter(({ severity }) => severity === 'warning').length,
  };
};
