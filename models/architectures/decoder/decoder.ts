/** A decoder or an encoder as data, from the row of its family: the layout says what tensors are called, `computes` what is made of them. */
import { mixtureKey, readMixture } from '../../formats/config/head-mixture';
import { nameIn, type DecoderLayout } from '../../formats/families/shared/decoder-layout';
import type { StackRow } from '../../formats/families/shared/family';
import { epsilonOf, Names, vocabularyHead, vocabularyOf, type ArchitectureInput } from '../architecture';
import { predictionHead } from '../encoder-head';
import { labelHead } from '../label-head';
import { ModelError, type EmbeddingSpec, type ModelSpec } from '../model-spec';
import type { ModelPart, Rope } from '../../formats/model-description';
import type { Linear } from '../weights-spec';
import { blockOf } from './block';
import { carriedOf } from './carried';
import { embeddingOf } from './embedding';
import { narrowBlock } from './narrow-block';
import { normOf, scaled, type Stack } from './stack';
import { withPredictingStream } from './predicting';
import { withStreamNorms } from './stream-norms';

/** Throws ModelError with one sentence where the checkpoint cannot be computed. */
export function specifyDecoder(input: ArchitectureInput, { layout, computes }: StackRow): ModelSpec {
  const { part } = input;
  const stack: Stack = {
    input,
    part,
    layout,
    computes,
    epsilon: part.norm.epsilon ?? computes.epsilon ?? epsilonOf(part),
  };
  const mixture = readMixture(
    part.fields[mixtureKey]?.value,
    part.layers.map(({ attention }) => attention.heads),
  );
  if (typeof mixture === 'string') throw new ModelError(`${mixture} Correct the config.`);
  const names = Names.find(input, rootsOf(nameIn<string>(layout.root, part)), probeOf(layout, part));
  const vocabulary = vocabularyOf(part);
  const narrow = layout.narrowEmbedding ?? layout.widenedEmbedding ?? layout.neighbours;
  const width = narrow?.size(part) ?? part.hiddenSize;
  const [, outwards] = width === part.hiddenSize ? [] : (layout.narrowEmbedding?.projections ?? []);
  const words = vocabulary + (layout.furtherTokens ?? 0);
  const embedding = embeddingOf(stack, names, wordsOf(stack, names), words, width);
  const {
    transform,
    vocabulary: logits,
    rest,
  } = layout.heads
    ? predictionHead(input, layout.heads.predictions, embedding.tokens, stack.epsilon)
    : {
        ...vocabularyHead(
          input,
          nameIn<string>(layout.head ?? 'lm_head', part),
          embedding.tokens,
          layout.outputs?.(part) ?? vocabulary,
          width,
          computes.ownHead && input.model.parts.length === 1,
        ),
        transform: undefined,
        rest: undefined,
      };
  const labels = labelHead(input, layout.heads, layout.narrowEmbedding ? width : part.hiddenSize, stack.epsilon);
  const finalNorm = nameIn(layout.finalNorm, part);
  const plainNorm = computes.plainFinalNorm === true || (computes.plainFinalNorm && computes.plainFinalNorm(part));
  const { positions } = embedding;
  const unit = computes.unitHead?.(part);
  const marks = computes.marks?.(part);
  const spec: ModelSpec = {
    family: part.family,
    hiddenSize: part.hiddenSize,
    ...carriedOf(stack, names, words),
    embedding,
    blocks: part.layers.map((layer) => {
      const routing = mixture?.[layer.index];
      return layout.bottleneck
        ? narrowBlock(stack, layer, names, layout.bottleneck, routing)
        : blockOf(stack, layer, names, routing);
    }),
    head: {
      ...(finalNorm !== undefined || plainNorm ? { norm: normOf(stack, names, finalNorm, part.hiddenSize) } : {}),
      ...(outwards === undefined ? {} : { project: names.linear(outwards, part.hiddenSize, width) }),
      ...(transform && !labels.labels ? { transform } : {}),
      // A classifier has no language head, also where its embedding would serve as one.
      ...(logits && !labels.labels
        ? { vocabulary: { ...scaled(logits, computes.logitFactor?.(part)), ...logitsBias(input, layout) } }
        : {}),
      ...(rest && !labels.labels ? { rest } : {}),
      ...(unit ? { unit } : {}),
      ...labels,
      ...(part.softcap?.logits === undefined ? {} : { softcap: part.softcap.logits }),
    },
    ropes: part.ropes.map((rope, index) => turned(part, rope, index)),
    ...(marks ? { marks } : {}),
    ...(input.sourceWidth === undefined ? {} : { sourceWidth: input.sourceWidth }),
    contextLength: readable(stack, positions),
  };
  return withPredictingStream(stack, names, withStreamNorms(stack, spec));
}

/** With a proportional form all numbers of a head are in pairs, and most pairs turn by nothing. */
function turned({ layers }: ModelPart, rope: Rope, index: number): Rope {
  if (rope.scaling.kind !== 'proportional') return rope;
  const dimensions = layers.find(({ attention }) => attention.rope === index)?.attention.headDim;
  return dimensions === undefined ? rope : { ...rope, dimensions };
}

/** How many positions a text may have: those in front of the padding token have no row, and short texts alone may be read in full. */
function readable({ part, computes }: Stack, positions: EmbeddingSpec['positions']): number | undefined {
  const rows =
    positions?.weight !== undefined && positions.padding !== undefined
      ? positions.rows - positions.offset
      : part.contextLength;
  const most = Math.min(computes.readsAllOf?.(part) ?? Infinity, computes.longest?.(part) ?? Infinity);
  return most === Infinity ? rows : Math.min(rows ?? most, most);
}

/** A tensor that is below the root: the table of words, or where halves share one, of the first layer. */
export function probeOf({ words, embedding, layer, attention }: DecoderLayout, part: ModelPart): string {
  if (words?.(part) === undefined) return `${embedding}.weight`;
  const first = typeof layer === 'function' ? layer(0, part) : layer;
  return `${first.replace('{layer}', '0')}${attention.prefix}${attention.output}.weight`;
}

/** The table of words: of files that hold a shared one under several names, whichever is there. */
function wordsOf({ input, layout, part }: Stack, names: Names): string {
  const { embedding } = layout;
  const own = `${embedding}.weight`;
  const shared = layout.words?.(part);
  if (shared === undefined) return names.name(own);
  const above = names.above();
  const usual = `${shared}.weight`;
  if (above.has(usual) || names.has(own)) return above.has(usual) ? above.name(usual) : names.name(own);
  const other = [`encoder.${own}`, `decoder.${own}`].find((name) => above.has(name));
  const head = new Names(input.weights, input.headPrefix ?? input.prefix, input);
  const last = `${nameIn<string>(layout.head ?? 'lm_head', part)}.weight`;
  // Files leave copies out, and may keep the one that is the head.
  const isHead = other === undefined && input.model.tiedEmbeddings.value && head.has(last);
  return isHead ? head.name(last) : above.name(other ?? usual);
}

function logitsBias(input: ArchitectureInput, { logitsBias: name }: DecoderLayout): Partial<Linear> {
  const names = new Names(input.weights, input.headPrefix ?? input.prefix, input);
  return name !== undefined && names.has(name) ? { bias: names.name(name), biasRow: { row: 0, rows: 1 } } : {};
}

/**
 * A root, each of its ends (`model.decoder.`, `decoder.`, none), that of a text model which is stored as a part of one with pictures
 * (Qwen3.5), and that of the oldest checkpoints.
 */
export function rootsOf(root: string): readonly string[] {
  const parts = root.split('.').filter((each) => each !== '');
  const ends = parts.map((_, at) => `${parts.slice(at).join('.')}.`);
  return [...new Set([...ends, '', `${root}language_model.`, 'transformer.'])];
}
