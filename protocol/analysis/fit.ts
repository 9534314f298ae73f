/** Whether an analysis reads what is given to it. */
import type { ModelSummary } from '../schema/parts';
import type { AnalysisInfo, InputKind } from './analysis';
import { listed } from '../wire/listed';

export interface Request {
  readonly input: InputKind;
  /** Undefined while it is not known. */
  readonly model: Pick<ModelSummary, 'vision' | 'unread' | 'name' | 'source' | 'captured'> | undefined;
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
export function whyNotFit(info: AnalysisInfo, { input, model }: Request): string | undefined {
  const { inputs, trains, readsPictures, group } = info;
  const captured = whyNotCaptured(info, model);
  if (captured !== undefined) return captured;
  const source = whyNotSource(info, { input, model });
  if (source !== undefined) return source;
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

/** Why captured attention is not asked this: only what reads maps and nothing else can be. */
export function whyNotCaptured(
  { title, trains, readsMaps }: Pick<AnalysisInfo, 'title' | 'trains' | 'readsMaps'>,
  model: Request['model'],
): string | undefined {
  if (!model?.captured || trains === true || readsMaps === true) return undefined;
  return `${title} runs the model, and ${model.name} is captured attention. Open the model itself.`;
}

/** Inputs of one text: what stands for a source and a target is a prompt, or two of them. */
const withTarget: readonly InputKind[] = ['prompt', 'prompt-pair', 'none'];

/** Why an encoder-decoder is not asked this, or only an encoder-decoder is. */
export function whyNotSource(
  { title, trains, sources, inputs }: Pick<AnalysisInfo, 'title' | 'trains' | 'sources' | 'inputs'>,
  { input, model }: Request,
): string | undefined {
  if (trains === true || model === undefined) return undefined;
  const { name, source } = model;
  if (!source) {
    return sources === 'only'
      ? `${title} reads a source and a target, and ${name} is no encoder-decoder. Choose one that is.`
      : undefined;
  }
  if (sources === undefined) {
    return `${name} is an encoder-decoder, and ${title} reads models of one text. Choose such a model, or ask for its heads.`;
  }
  if (withTarget.includes(input) || !inputs.includes(input)) return undefined;
  return `${name} is an encoder-decoder: it reads a source and a target, and the input is ${inputWords[input]}. Give ${listed(
    withTarget.filter((kind) => kind !== 'none' && inputs.includes(kind)).map((kind) => inputWords[kind]),
    'or',
  )}.`;
}

const isBlind = (model: Request['model']): model is NonNullable<Request['model']> =>
  model !== undefined && model.vision === undefined;

const reads = ({ name, unread }: NonNullable<Request['model']>): string => unread ?? `${name} reads no pictures.`;
