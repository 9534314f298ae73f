/** The head of a classifier as data: its maps by the names of its row, and its labels by the config. */
import { classifierOf, pairClassifier, type ClassifierNames } from '../formats/families/shared/encoder-heads';
import type { DecoderLayout } from '../formats/families/shared/decoder-layout';
import { word } from '../formats/families/shared/family';
import type { ModelPart, Task } from '../formats/model-description';
import { activationOf, Names, type ArchitectureInput } from './architecture';
import { ModelError, type HeadSpec, type LabelHead } from './model-spec';

const kinds = {
  'sequence-classification': 'text',
  'token-classification': 'token',
  'question-answering': 'span',
} as const satisfies Partial<Record<Task['kind'], LabelHead['of']>>;

export const hasLabels = (kind: Task['kind']): kind is keyof typeof kinds => Object.hasOwn(kinds, kind);

/** The head of a decoder is one map, which reads the last token of a text. */
const ofDecoder = {
  text: { inner: [], labels: 'score', bias: false, reads: () => 'last' },
  token: { inner: [], labels: 'score' },
  span: { inner: [], labels: 'qa_outputs' },
} as const satisfies Record<LabelHead['of'], ClassifierNames>;

/**
 * Classes whose decoder reads the text again after its start token. Others begin with the token that ends the text (mBART, PLBART), or have
 * no such class.
 */
const ofPair = (family: string) => (['bart', 'mvp', 'led', 't5'].includes(family) ? { text: pairClassifier } : {});

/** Empty where the class has no such head, or the checkpoint does not hold it. `width`: of what it reads. */
export function labelHead(
  input: ArchitectureInput,
  heads: DecoderLayout['heads'],
  width: number,
  epsilon: number,
): Pick<HeadSpec, 'labels'> {
  const { model, part, weights, prefix, headPrefix = prefix } = input;
  const { kind, labels, names: called } = model.task;
  if (!hasLabels(kind)) return {};
  const usual = input.sourceWidth === undefined ? ofDecoder : ofPair(model.family);
  const names = classifierOf(heads ?? usual, { kind, labels });
  const at = new Names(weights, headPrefix, input);
  const of = kinds[kind];
  if (!names || !at.has(`${names.labels}.weight`)) return {};
  const count = of === 'span' ? 2 : labels;
  const [stored = 0] = at.shape(`${names.labels}.weight`);
  if (stored !== count) throw new ModelError(otherLabels(count, at.name(`${names.labels}.weight`), stored));
  return {
    labels: {
      of,
      reads: names.reads?.(part) ?? 'first',
      maps: [
        ...names.inner
          .filter(({ when }) => when?.(part) !== false)
          .map(({ name, activation, norm }) => ({
            linear: at.linear(name, width, width),
            activation: activationIn(part, activation),
            ...(norm === undefined ? {} : { norm: at.layerNorm(norm, width, epsilon) }),
          })),
        { linear: at.linear(names.labels, width, count) },
      ],
      names: of === 'span' ? ['start', 'end'] : (called ?? Array.from({ length: count }, (_, i) => `LABEL_${i}`)),
    },
  };
}

function activationIn(part: ModelPart, name: string): NonNullable<LabelHead['maps'][number]['activation']> {
  const own = name === 'hidden' ? part.activation : name === 'pooler_hidden_act' ? (word(part, name) ?? 'gelu') : name;
  return own === 'tanh' ? 'tanh' : activationOf(own);
}

/** A classifier of another number of labels than the config names. */
export const otherLabels = (count: number, name: string, stored: number): string =>
  `The config names ${count} labels, and ${name} has ${stored}. Correct id2label or num_labels in the config, or fetch the weights that belong to it.`;
