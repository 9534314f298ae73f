/** The parameters of the analysis `training-free` that are of no single method. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { questionPlace } from '../../../protocol/results/pope';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { popeSplits } from '../../../protocol/results/pope';
import { refusal } from '../../../protocol/wire/failures';
import { captionTokens, truthParameters } from '../../shared/captions/truth-parameters';
import { methodParameters, methods as known } from './methods/list';
import type { Method } from './methods/method';
import { ownInterventions } from './methods/interventions';
import { plain } from './methods/plain';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are a record.
type CommonParameters = {
  readonly truth: string;
  readonly lexicon: string;
  readonly methods: string;
  readonly tokens: number;
  readonly objects: number;
  readonly split: string;
  readonly question: string;
  readonly timed: boolean;
};

/** Beside these there are those of the methods. */
export type TrainingFreeParameters = CommonParameters & ParameterValues;

const all = 'all';

const common: ParameterTable<CommonParameters> = {
  ...truthParameters,
  methods: field.text(
    'Methods',
    `all, or some of ${known
      .filter(({ id }) => id !== plain.id)
      .map(({ id }) => id)
      .join(', ')}; the plain model always runs.`,
    all,
  ),
  tokens: captionTokens,
  objects: field.integer(
    'Objects asked for',
    'POPE asks of each picture with so many objects whether each is there, and whether as many others are: twice as many questions; 0 asks none.',
    { min: 0, max: 100, default: 3 },
  ),
  split: field.choice(
    'Absent objects',
    'Those asked for that are not there: any, the most frequent of the set, or those that keep company with a present one.',
    { options: popeSplits, default: 'adversarial' },
  ),
  question: field.text(
    'Prompt of a question',
    `${questionPlace} stands for the question; without an image token it goes through the chat template.`,
    questionPlace,
  ),
  timed: field.flag(
    'Timed',
    'Take the time of each token. Each method then reads one prompt more, before its clock starts.',
    true,
  ),
};

export const parameters: ParameterTable<TrainingFreeParameters> = { ...common, ...methodParameters };

/** The plain model and those that are named, in the order of the list, and the person's own interventions where there are some. */
export function methodsIn(
  { methods: written }: Pick<TrainingFreeParameters, 'methods'>,
  interventions: readonly Intervention[],
): readonly Method[] {
  const names = written
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const strange = names.find((name) => name !== all && known.every(({ id }) => id !== name));
  if (strange !== undefined) {
    throw refusal(
      `There is no method "${strange.slice(0, 60)}". Write all, or some of ${known.map(({ id }) => id).join(', ')}.`,
    );
  }
  const chosen = known.filter(({ id }) => id === plain.id || names.includes(all) || names.includes(id));
  return interventions.length === 0 ? chosen : [...chosen, ownInterventions(interventions)];
}
