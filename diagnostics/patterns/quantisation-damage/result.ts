/** The result of the analysis `quantisation-damage`. */
import type { Output } from '../../../protocol/schema/check';
import { figure, list, numbers, object, optional, text, texts, whole } from '../../../protocol/schema/fields';
import { comparedTensor, perHead } from '../../shared/beside/compared';
import { crossLabelChanges, labelChanges } from '../../shared/beside/label-changes';
import { taskAccuracies } from '../../shared/beside/task-accuracies';

const wider = object({
  /** Names of the tensors that are made exact together. */
  tensors: texts,
  format: text,
  /** The remaining divergence of the next token, in nats. */
  divergence: figure,
  /** Share of the divergence that is gone. */
  recovered: figure,
});
export type Wider = Output<typeof wider>;

const heads = {
  /** Relative error of the rows (columns of the output) of each head. */
  query: perHead,
  key: perHead,
  value: perHead,
  output: perHead,
  /** All of them together. */
  weights: perHead,
  /** Largest of them. */
  largest: perHead,
  /** Mean Jensen-Shannon distance of a row. */
  maps: perHead,
  /** Relative change of the output of the head. */
  outputs: perHead,
};

export const damageResult = object({
  /** Name of the model that it was made from. */
  against: text,
  /** Mean over the tokens of all texts of KL of the next token, nats; NaN of a model that predicts none. */
  divergence: figure,
  /** The same for each token, text by text. */
  divergences: numbers,
  /** Share of the tokens after which both models predict the same token. */
  agree: figure,
  ...heads,
  /** Of an encoder-decoder, whose own attention is above. */
  cross: optional(object({ ...heads, labels: optional(crossLabelChanges) })),
  encoder: optional(object({ ...heads, labels: optional(labelChanges) })),
  tensors: list(comparedTensor, 'a list of tensors'),
  /** The divergence of each text. Absent in results of earlier versions. */
  texts: optional(list(object({ name: text, tokens: whole, divergence: figure, agree: figure }), 'a list of texts')),
  /** Labels of heads in both models, where they were asked for. */
  labels: optional(labelChanges),
  /** How well both models do on a task. */
  accuracy: optional(taskAccuracies),
  /** In order, the most recovered first. */
  wider: list(wider, 'a list of tensors'),
  notes: texts,
});
export type DamageResult = Output<typeof damageResult>;
export type HeadDamage = Pick<DamageResult, keyof typeof heads>;
