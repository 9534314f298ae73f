/** The families that Headscope runs, by name, so that a search finds every use. */
import { sizeProblem } from '../formats/config/counts';
import { families, familyById } from '../formats/families/catalogue';
import { defaultsOf, type Family } from '../formats/families/shared/family';
import { rowOfHalf } from '../formats/families/shared/halves';
import { familyOfOwn } from '../formats/families/workspace-families';
import type { JsonPath, ModelDescription, ModelPart } from '../formats/model-description';
import { mainPart } from '../formats/model-description';
import { unreadQuantisation } from '../formats/quantised/unread-quantisation';
import type { Architecture, ArchitectureInput } from './architecture';
import { clipText } from './clip-text';
import { clipVision } from './clip-vision';
import { specifyDecoder } from './decoder/decoder';
import { idefics3 } from './idefics3';
import { hasLabels } from './label-head';
import { llava } from './llava';
import { llavaNext } from './llava-next';
import { ModelError, type ModelSpec } from './model-spec';
import { paligemma } from './paligemma';
import { refusalOf } from './refusals';
import { rotaryFrequencies } from './rope';
import { siglipText } from './siglip-text';
import { siglipVision } from './siglip-vision';
import type { StoredWeights } from './stored-weights';
import {
  crossedSentence,
  placeOfText,
  textHalves,
  unreadSentence,
  withHeadOf,
  withoutLayersBetween,
  type Halves,
} from './text-alone';
import type { MultimodalArchitecture, MultimodalSpec, VisionArchitecture, VisionTower } from './vision-tower';
import { deit, dinov2, vit } from './vit';

/** A decoder runs when its row has a layout and a table of the keys of its class. */
const decoderArchitecture = (family: Family | undefined): Architecture | undefined => {
  if (!family?.run) return undefined;
  if (family.kind === 'composite') {
    const { decoder, encoder } = family;
    if (!decoder && !encoder) return undefined;
    return {
      families: [family.id],
      specify(input) {
        const half = input.part.role === 'decoder' ? decoder : encoder;
        if (!half) throw new ModelError(`Headscope does not run the ${input.part.role} of ${family.title}.`);
        return specifyDecoder(input, rowOfHalf(half, input.part, input.part.modelType ?? input.model.modelType));
      },
    };
  }
  const { stack, rename } = family;
  if (!stack) return undefined;
  return {
    families: [family.id],
    specify(input) {
      const row = typeof stack === 'function' ? stack(input.part) : stack;
      return specifyDecoder({ ...input, ...(rename ? { rename } : {}) }, row);
    },
  };
};

/** The two halves of an encoder-decoder whose family runs; undefined of any other model. */
function halvesOf({ family: id, parts }: ModelDescription): Halves | undefined {
  const family = familyById(id);
  if (family?.kind !== 'composite' || !family.decoder || !family.encoder || !family.run) return undefined;
  const [decoder, encoder, ...others] = parts;
  if (decoder?.role !== 'decoder' || encoder?.role !== 'encoder' || others.length > 0) return undefined;
  return { decoder, encoder };
}

export const architectures: readonly Architecture[] = [
  ...families.flatMap((family) => decoderArchitecture(family) ?? []),
  clipText,
  siglipText,
];

export const visionArchitectures: readonly VisionArchitecture[] = [clipVision, siglipVision, vit, deit, dinov2];

export const multimodalArchitectures: readonly MultimodalArchitecture[] = [llava, llavaNext, paligemma, idefics3];

/** Pairs of a text and a vision encoder that read apart from each other; a checkpoint may hold the vision encoder alone. */
const contrastive = ['clip', 'siglip'];

const byFamily = <T extends { readonly families: readonly string[] }>(list: readonly T[], family: string) =>
  list.find(({ families }) => families.includes(family));

/** Whether the family has a row for this half of it. */
const runsAs = (role: ModelPart['role'], family: Family | undefined): boolean =>
  family?.kind !== 'composite' || (role === 'decoder' ? family.decoder : family.encoder) !== undefined;

/** That of the part, or of a family of one's own whose checkpoints have names of their own. */
const architectureOf = ({ family, role }: ModelPart, { ownFamily }: ModelDescription): Architecture | undefined =>
  (runsAs(role, familyById(family)) ? byFamily(architectures, family) : undefined) ??
  (ownFamily?.modelType === family ? decoderArchitecture(familyOfOwn(ownFamily)) : undefined);

const visionPart = (model: ModelDescription): ModelPart | undefined =>
  model.parts.find(({ role }) => role === 'vision');

/** What is not read of a model whose text part runs alone, as one sentence; undefined where all of it runs. */
export const unreadParts = (model: ModelDescription): string | undefined =>
  unreadSentence(model, {
    whole: (halvesOf(model) ?? byFamily(multimodalArchitectures, model.family)) !== undefined,
    vision: ({ family }) => byFamily(visionArchitectures, family) !== undefined,
  });

/** True when the compute server can run a model of this description, else one sentence that says why not. */
export function runnable(model: ModelDescription): true | string {
  const refusal = refusalOf(model);
  if (refusal !== undefined) return refusal;
  const part = mainPart(model);
  const known = (...lists: readonly (readonly { readonly families: readonly string[] }[])[]): string =>
    lists.flatMap((list) => list.flatMap(({ families }) => families)).join(', ');
  const list = 'docs/families.md lists those that it runs';
  // What else the keys of an unknown family lack is no reason of its own.
  if (model.problems.some(({ code }) => code === 'unknown-family')) {
    const name = model.modelType ?? model.architectures[0];
    if (name === undefined) return `The config names no model_type, so its family is not known; ${list}.`;
    return `Headscope does not run the family "${name}" yet; ${list}.`;
  }
  if (!part) return model.problems[0]?.message ?? 'The config describes no model part that could be run.';
  const alone = unreadParts(model) !== undefined;
  const vision = alone ? undefined : visionPart(model);
  const pair = contrastive.includes(model.family);
  const towerOnly = !readsText(model);
  // A family of several parts stays one where a file describes one part alone: its weights are named in its own way.
  const several =
    model.parts.length > 1 || (familyById(model.family)?.kind === 'composite' && part.family !== model.family);
  const halves = alone ? textHalves(model) : halvesOf(model);
  if (several && !alone && !pair && !halves && !byFamily(multimodalArchitectures, model.family)) {
    const given = crossedSentence(model);
    if (given !== undefined) return given;
    const names = model.parts.map(({ name, role }) => name || role).join(', ');
    const count = model.parts.length > 1 ? ` of ${model.parts.length} parts` : '';
    return `Headscope does not run the family "${model.family}"${count} yet (${names}); of several parts it runs ${known(multimodalArchitectures)}.`;
  }
  if (vision && !byFamily(visionArchitectures, vision.family)) {
    return `Headscope does not run the vision encoder "${vision.family}" yet; it runs ${known(visionArchitectures)}.`;
  }
  if (!towerOnly && !architectureOf(part, model)) {
    return `Headscope does not run the family "${part.family}" yet; ${list}.`;
  }
  const refused = model.quantisation && unreadQuantisation(model.quantisation);
  if (refused !== undefined) return refused;
  const read = [part, halves?.encoder];
  const unread = alone ? model.parts.filter((one) => !read.includes(one) && one.path.length > 0) : [];
  const isRead = ({ path }: { readonly path: JsonPath }): boolean =>
    !unread.some((one) => one.path.every((key, at) => key === path[at]));
  const problem = model.problems.find(isRead);
  if (problem) return `${problem.message} Correct the config.`;
  const departure = model.departures.find(isRead);
  if (departure) return departure.message;
  const run = [...(towerOnly ? [] : [part]), ...(halves ? [halves.encoder] : []), ...(vision ? [vision] : [])];
  const size = run.map(sizeProblem).find((sentence) => sentence !== undefined);
  return size ?? (towerOnly ? undefined : rotationProblem(part)) ?? true;
}

/** A rotary form that lacks a number, or that has no formula here. */
function rotationProblem({ layers, ropes, contextLength }: ModelPart): string | undefined {
  for (const index of new Set(layers.map(({ attention }) => attention.rope))) {
    const rope = index === undefined ? undefined : ropes[index];
    if (rope === undefined) continue;
    try {
      rotaryFrequencies(rope, { contextLength, sequenceLength: 1 });
    } catch (error) {
      return `${(error as Error).message} Correct rope_scaling in the config.`;
    }
  }
  return undefined;
}

/** False for a vision encoder alone. */
export const readsText = (model: ModelDescription): boolean => mainPart(model)?.role !== 'vision';

/** A pair of encoders whose text half the checkpoint does not hold. */
export const lacksText = (model: ModelDescription, has: (tensor: string) => boolean): boolean =>
  contrastive.includes(model.family) && !has('text_model.embeddings.token_embedding.weight');

/** What a checkpoint computes: text alone, an image alone, either of them, or an image in front of or inside a text. */
export type SpecifiedModel =
  | {
      readonly kind: 'text';
      readonly part: ModelPart;
      readonly text: ModelSpec;
      /** What the model could read beside text, and does not here. */
      readonly unread?: string;
    }
  | { readonly kind: 'vision'; readonly part: ModelPart; readonly vision: VisionTower }
  /** Two encoders beside each other: what reads is decided by what is given. */
  | {
      readonly kind: 'pair';
      readonly part: ModelPart;
      readonly visionPart: ModelPart;
      readonly text: ModelSpec;
      readonly vision: VisionTower;
    }
  | {
      readonly kind: 'multimodal';
      readonly part: ModelPart;
      readonly visionPart: ModelPart;
      readonly spec: MultimodalSpec;
    }
  /** A decoder with cross-attention to what an encoder makes of a source text. */
  | {
      readonly kind: 'encoder-decoder';
      readonly part: ModelPart;
      readonly sourcePart: ModelPart;
      /** The decoder. */
      readonly text: ModelSpec;
      /** The encoder: what leaves its last block, behind `head.norm`, is what the decoder reads. */
      readonly source: ModelSpec;
      /** As of a text. */
      readonly unread?: string;
      /** The token that every target begins with; absent where file and class name none (mBART, whose targets begin with their language). */
      readonly startId?: number;
    };

/** Throws ModelError with one sentence where the checkpoint cannot be computed; the description must be `runnable`. */
export function specifyModel(model: ModelDescription, weights: StoredWeights): SpecifiedModel {
  const part = mainPart(model);
  const vision = visionPart(model);
  const towerOf = (of: ModelPart, prefix: string): VisionTower => {
    const architecture = byFamily(visionArchitectures, of.family);
    if (!architecture) throw new ModelError(`The vision encoder "${of.family}" is not one that Headscope runs.`);
    return architecture.tower({ model, part: of, weights, prefix });
  };
  const textOf = (
    of: ModelPart,
    prefix: string,
    headPrefix: string,
    rename?: ArchitectureInput['rename'],
  ): ModelSpec => {
    const architecture = architectureOf(of, model);
    if (!architecture) throw new ModelError(`The family "${of.family}" is not one that Headscope runs.`);
    return architecture.specify({ model, part: of, weights, prefix, headPrefix, ...(rename ? { rename } : {}) });
  };
  if (!part) throw new ModelError('The config describes no model part that could be run.');
  const unread = unreadParts(model);
  if (unread !== undefined) {
    const at = placeOfText(model, part, weights);
    const halves = textHalves(model);
    if (halves) return { ...encoderDecoder(model, weights, halves, at), unread };
    const own = textOf(withoutLayersBetween(model, part), at.text, at.head, at.rename);
    return { kind: 'text', part, text: withHeadOf(model, own), unread };
  }
  if (vision && (!readsText(model) || lacksText(model, (name) => weights.find(name) !== undefined))) {
    return { kind: 'vision', part: vision, vision: towerOf(vision, '') };
  }
  if (vision && contrastive.includes(model.family)) {
    return { kind: 'pair', part, visionPart: vision, text: textOf(part, '', ''), vision: towerOf(vision, '') };
  }
  const halves = halvesOf(model);
  if (halves) return encoderDecoder(model, weights, halves, { text: '', head: '' });
  const multimodal = byFamily(multimodalArchitectures, model.family);
  if (!vision || !multimodal) return { kind: 'text', part, text: textOf(part, '', '') };
  const spec = multimodal.specify({
    model,
    weights,
    text: (prefix, headPrefix) => textOf(part, prefix, headPrefix),
    vision: (prefix) => towerOf(vision, prefix),
  });
  return { kind: 'multimodal', part, visionPart: vision, spec };
}

function encoderDecoder(
  model: ModelDescription,
  weights: StoredWeights,
  { decoder, encoder }: Halves,
  at: { readonly text: string; readonly head: string },
): Extract<SpecifiedModel, { kind: 'encoder-decoder' }> {
  const specify = (part: ModelPart, sourceWidth?: number): ModelSpec => {
    const architecture = architectureOf(part, model);
    if (!architecture) throw new ModelError(`The family "${part.family}" is not one that Headscope runs.`);
    return architecture.specify({
      ...{ model, part, weights, prefix: at.text, headPrefix: at.head },
      ...(sourceWidth === undefined ? {} : { sourceWidth }),
    });
  };
  const text = specify(decoder, encoder.hiddenSize);
  if (hasLabels(model.task.kind) && !text.head.labels)
    throw new ModelError(
      `${model.architectures[0] ?? 'This class'} has a head on its decoder that Headscope does not compute. Choose a class that writes, or one of whole texts (ForSequenceClassification).`,
    );
  return {
    kind: 'encoder-decoder',
    part: decoder,
    sourcePart: encoder,
    text,
    // Nothing reads logits of the encoder.
    source: withoutVocabulary(specify(encoder)),
    ...startOf(model, decoder),
  };
}

const withoutVocabulary = ({ head: { norm }, ...spec }: ModelSpec): ModelSpec => ({
  ...spec,
  head: norm ? { norm } : {},
});

/** The token that every target begins with: of the file, else of the configuration class. */
function startOf(
  model: ModelDescription,
  { family: id, modelType, vocabularySize = 0 }: ModelPart,
): { readonly startId?: number } {
  const family = familyById(id);
  const key = (family?.kind === 'composite' ? family.startKey : undefined) ?? 'decoder_start_token_id';
  const written = model.tokenIds.find((token) => token.key === key)?.ids[0];
  const startId = written ?? (family && defaultsOf(family, modelType ?? model.modelType)?.values[key]);
  if (typeof startId !== 'number') return {};
  if (!Number.isInteger(startId) || startId < 0 || startId >= vocabularySize)
    throw new ModelError(
      `${key} is ${startId}, and the vocabulary has ${vocabularySize} tokens, from 0. Correct the config.`,
    );
  return { startId };
}
