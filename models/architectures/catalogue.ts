/** The families that Headscope runs, by name, so that a search finds every use. */
import { sizeProblem } from '../formats/config/counts';
import { familyById } from '../formats/families/catalogue';
import type { Family } from '../formats/families/shared/family';
import { stackFamilies } from '../formats/families/stacks';
import { familyOfOwn } from '../formats/families/workspace-families';
import type { ModelDescription, ModelPart } from '../formats/model-description';
import { mainPart } from '../formats/model-description';
import type { Architecture } from './architecture';
import { clipText } from './clip-text';
import { clipVision } from './clip-vision';
import { specifyDecoder } from './decoder';
import { idefics3 } from './idefics3';
import { llava } from './llava';
import { llavaNext } from './llava-next';
import { ModelError, type ModelSpec } from './model-spec';
import { paligemma } from './paligemma';
import { rotaryFrequencies } from './rope';
import { siglipText } from './siglip-text';
import { siglipVision } from './siglip-vision';
import type { StoredWeights } from './stored-weights';
import type { MultimodalArchitecture, MultimodalSpec, VisionArchitecture, VisionTower } from './vision-tower';
import { deit, dinov2, vit } from './vit';

/** A decoder runs when its row has a layout and a table of the keys of its class. */
const decoderArchitecture = (family: Family | undefined): Architecture | undefined => {
  if (family?.kind !== 'stack' || !family.stack || !family.run) return undefined;
  const { stack, rename } = family;
  return {
    families: [family.id],
    specify: (input) => specifyDecoder({ ...input, ...(rename ? { rename } : {}) }, stack),
  };
};

export const architectures: readonly Architecture[] = [
  ...stackFamilies.flatMap((family) => decoderArchitecture(family) ?? []),
  clipText,
  siglipText,
];

export const visionArchitectures: readonly VisionArchitecture[] = [clipVision, siglipVision, vit, deit, dinov2];

export const multimodalArchitectures: readonly MultimodalArchitecture[] = [llava, llavaNext, paligemma, idefics3];

/** Pairs of a text and a vision encoder that read apart from each other; a checkpoint may hold the vision encoder alone. */
const contrastive = ['clip', 'siglip'];

const byFamily = <T extends { readonly families: readonly string[] }>(list: readonly T[], family: string) =>
  list.find(({ families }) => families.includes(family));

/** That of the part, or of a family of one's own whose checkpoints have names of their own. */
const architectureOf = ({ family }: ModelPart, { ownFamily }: ModelDescription): Architecture | undefined =>
  byFamily(architectures, family) ??
  (ownFamily?.modelType === family ? decoderArchitecture(familyOfOwn(ownFamily)) : undefined);

const visionPart = (model: ModelDescription): ModelPart | undefined =>
  model.parts.find(({ role }) => role === 'vision');

/** True when the compute server can run a model of this description, else one sentence that says why not. */
export function runnable(model: ModelDescription): true | string {
  const part = mainPart(model);
  if (!part) return model.problems[0]?.message ?? 'The config describes no model part that could be run.';
  const known = (...lists: readonly (readonly { readonly families: readonly string[] }[])[]): string =>
    lists.flatMap((list) => list.flatMap(({ families }) => families)).join(', ');
  const list = 'docs/families.md lists those that it runs';
  const vision = visionPart(model);
  const pair = contrastive.includes(model.family);
  const towerOnly = !readsText(model);
  if (model.problems.some(({ code }) => code === 'unknown-family')) {
    const name = model.modelType ?? model.architectures[0];
    if (name === undefined) return `The config names no model_type, so its family is not known; ${list}.`;
    return `Headscope does not run the family "${name}" yet; ${list}.`;
  }
  // A family of several parts stays one where a file describes one part alone: its weights are named in its own way.
  const several =
    model.parts.length > 1 || (familyById(model.family)?.kind === 'composite' && part.family !== model.family);
  if (several && !pair && !byFamily(multimodalArchitectures, model.family)) {
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
  if (model.quantisation) {
    return `The weights are quantised (${model.quantisation.method}); Headscope runs float32, float16 and bfloat16 weights: use the unquantised checkpoint.`;
  }
  const [problem] = model.problems;
  if (problem) return `${problem.message} Correct the config.`;
  const [departure] = model.departures;
  if (departure) return departure.message;
  const run = [...(towerOnly ? [] : [part]), ...(vision ? [vision] : [])];
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
  | { readonly kind: 'text'; readonly part: ModelPart; readonly text: ModelSpec }
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
  const textOf = (of: ModelPart, prefix: string, headPrefix: string): ModelSpec => {
    const architecture = architectureOf(of, model);
    if (!architecture) throw new ModelError(`The family "${of.family}" is not one that Headscope runs.`);
    return architecture.specify({ model, part: of, weights, prefix, headPrefix });
  };
  if (!part) throw new ModelError('The config describes no model part that could be run.');
  if (vision && (!readsText(model) || lacksText(model, (name) => weights.find(name) !== undefined))) {
    return { kind: 'vision', part: vision, vision: towerOf(vision, '') };
  }
  if (vision && contrastive.includes(model.family)) {
    return { kind: 'pair', part, visionPart: vision, text: textOf(part, '', ''), vision: towerOf(vision, '') };
  }
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
