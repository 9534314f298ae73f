/** Whether an analysis reads what is given to it. */
import type { ModelSummary } from '../schema/parts';
import type { AnalysisInfo, InputKind } from './analysis';
import { listed } from '../wire/listed';

export interface Request {
  readonly input: InputKind;
  /** Undefined while it is not known. */
  readonly model: Pick<ModelSummary, 'vision' | 'name'> | undefined;
}

/** With its article. */
const inputWords: Readonly<Record<InputKind, string>> = {
  prompt: 'a prompt',
  'prompt-pair': 'a prompt with its counterpart',
  task: 'a task',
  corpus: 'documents',
  image: 'a picture with a prompt',
  'image-set': 'a folder of pictures',
  none: 'the weights alone',
};

/** A sentence, or undefined where it fits. What only a run finds out is said before it by its estimate. */
export function whyNotFit(
  { inputs, trains, readsPictures, group }: AnalysisInfo,
  { input, model }: Request,
): string | undefined {
  if (trains === true || inputs.includes('none')) {
    return readsPictures === true && isBlind(model) ? reads(model) : undefined;
  }
  if ((group === 'vision' || readsPictures === true) && isBlind(model)) return reads(model);
  if (inputs.includes(input)) return undefined;
  return `It reads ${listed(
    inputs.map((kind) => inputWords[kind]),
    'or',
  )}, and the input is ${inputWords[input]}.`;
}

const isBlind = (model: Request['model']): model is NonNullable<Request['model']> =>
  model !== undefined && model.vision === undefined;

const reads = ({ name }: NonNullable<Request['model']>): string => `${name} reads no pictures.`;
