/** The input of an analysis as a person types it, whatever kinds of input there are: what was typed for one is kept for the next. */
import type { InputKind } from '../../../protocol/analysis/analysis';
import type { AnalysisInput } from '../../../protocol/analysis/schema';
import { isTaskFile, type TaskInfo } from '../../../protocol/analysis/tasks';
import { isCodeFile } from '../../../protocol/inputs/own-file';
import type { EncoderInput, PromptInput } from '../../../protocol/inputs/prompt';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { wholeNumber } from '../../ui/form-fields';
import { firstProblem, readParameters, typedOf, type Typed } from '../../ui/typed-parameters';

export interface InputForm {
  readonly kind: InputKind;
  /** `picture`: a picture alone, for the heads of the vision encoder. */
  readonly mode: 'text' | 'ids' | 'picture';
  readonly text: string;
  readonly ids: string;
  readonly chat: boolean;
  /** Path of a picture beside or instead of the text; empty: none. */
  readonly image: string;
  readonly counterText: string;
  readonly counterIds: string;
  /** Targets of an encoder-decoder, of which text and ids are the sources; empty: the model writes them. Kept for every model. */
  readonly target: string;
  readonly targetIds: string;
  readonly counterTarget: string;
  readonly counterTargetIds: string;
  /** What should follow the prompt and the counterpart, for a task of the pair. */
  readonly answer: string;
  readonly counterAnswer: string;
  /** A task of the catalogue by its id, or a file of the person's own. */
  readonly taskFrom: 'catalogue' | 'file';
  readonly task: string;
  readonly taskFile: string;
  /** Parameters of the task of the catalogue. */
  readonly taskParameters: Typed;
  readonly samples: string;
  /** File of a corpus. */
  readonly file: string;
  /** Folder of pictures. */
  readonly folder: string;
}

export const emptyInput: InputForm = {
  kind: 'none',
  mode: 'text',
  text: '',
  ids: '',
  chat: false,
  image: '',
  counterText: '',
  counterIds: '',
  target: '',
  targetIds: '',
  counterTarget: '',
  counterTargetIds: '',
  answer: '',
  counterAnswer: '',
  taskFrom: 'catalogue',
  task: '',
  taskFile: '',
  taskParameters: {},
  samples: '32',
  file: '',
  folder: '',
};

/** A picture, or those of a folder, come into the prompt. */
export const isForPictures = ({ kind, mode, image }: InputForm): boolean =>
  mode === 'text' && (kind === 'image' || kind === 'image-set' || (kind === 'prompt' && image !== ''));

/** As many captions as a minute or so gives. */
const usualPictures = '20';

/** The first folder is that of the picture. */
export const ofKind = (input: InputForm, kind: InputKind): InputForm => ({
  ...input,
  kind,
  ...(kind === 'image-set' && input.folder === '' && input.image !== ''
    ? { folder: input.image.replace(/[\\/][^\\/]*$/, ''), samples: usualPictures }
    : {}),
});

export const toInputForm = (input: AnalysisInput, before: InputForm = emptyInput): InputForm => ({
  ...before,
  kind: input.kind,
  ...fieldsOf(input),
});

function fieldsOf(input: AnalysisInput): Partial<InputForm> {
  switch (input.kind) {
    case 'prompt':
      return ofPrompt(input.prompt);
    case 'prompt-pair': {
      const other = ofPrompt(input.counterpart);
      return {
        ...ofPrompt(input.prompt),
        counterText: other.text ?? '',
        counterIds: other.ids ?? '',
        counterTarget: other.target ?? '',
        counterTargetIds: other.targetIds ?? '',
      };
    }
    case 'task':
      return {
        // A task file has parameters, as those of the catalogue have.
        ...(isTaskFile(input.task) && !isCodeFile(input.task)
          ? { taskFrom: 'file', taskFile: input.task }
          : { taskFrom: 'catalogue', task: input.task, taskParameters: typedOf(input.taskParameters ?? {}) }),
        samples: String(input.samples),
      };
    case 'corpus':
      return { file: input.file };
    case 'image':
      return ofPrompt(input.prompt);
    case 'image-set':
      return { ...ofPrompt(input.prompt), folder: input.folder, samples: writtenPictures(input.samples) };
    case 'none':
      return {};
  }
}

function ofPrompt(prompt: PromptInput | EncoderInput): Partial<InputForm> {
  if (prompt.kind === 'image') return { mode: 'picture', image: prompt.image };
  const image = prompt.image ?? '';
  return prompt.kind === 'ids'
    ? { mode: 'ids', ids: prompt.ids.join(' '), image, targetIds: prompt.target?.join(' ') ?? '' }
    : { mode: 'text', text: prompt.text, chat: prompt.chat === true, image, target: prompt.target ?? '' };
}

type InputField =
  | 'prompt'
  | 'target'
  | 'counterpart'
  | 'counterTarget'
  | 'image'
  | 'task'
  | 'samples'
  | 'file'
  | 'folder';
export type InputProblems = Readonly<Partial<Record<InputField, string>>>;
export type InputReading =
  | { readonly ok: true; readonly input: AnalysisInput }
  | { readonly ok: false; readonly problems: InputProblems };

/** `encoder`: the analysis reads pictures and no text. */
export function readInput(
  form: InputForm,
  model?: ModelSummary,
  tasks: readonly TaskInfo[] = [],
  encoder = false,
): InputReading {
  const { kind } = form;
  switch (kind) {
    case 'none':
      return { ok: true, input: { kind } };
    case 'prompt': {
      if (form.mode === 'picture') {
        return form.image === ''
          ? wrong({ image: 'Choose a picture first.' })
          : { ok: true, input: { kind, prompt: { kind: 'image', image: form.image } } };
      }
      const prompt = readPrompt(form, model);
      return isRead(prompt) ? { ok: true, input: { kind, prompt } } : wrong(prompt);
    }
    case 'prompt-pair': {
      const prompt = readPrompt(form, model);
      const counterpart = readCounterpart(form, model);
      return isRead(prompt) && isRead(counterpart)
        ? { ok: true, input: { kind, prompt, counterpart } }
        : wrong({ ...(isRead(prompt) ? {} : prompt), ...(isRead(counterpart) ? {} : counterpart) });
    }
    case 'image': {
      if (isBlind(model)) return wrong({ image: readsTextAlone });
      const prompt = readPrompt(form, model);
      if (form.image === '') return wrong({ image: 'Choose a picture first.' });
      return isRead(prompt) ? { ok: true, input: { kind, prompt } } : wrong(prompt);
    }
    case 'task': {
      const samples = samplesOf(form.samples);
      if (samples === undefined) return wrong({ samples: samplesSentence });
      if (form.taskFrom === 'file') {
        const task = form.taskFile.trim();
        if (task === '') return wrong({ task: 'Choose a file of your own first (JSONL or CSV).' });
        return isTaskFile(task)
          ? { ok: true, input: { kind, task, samples } }
          : wrong({ task: 'A file of your own ends in .jsonl, .csv or .headscope-task.ts.' });
      }
      if (form.task === '') return wrong({ task: 'Choose a task first.' });
      const table = tasks.find(({ id }) => id === form.task)?.parameters ?? {};
      const { values, problems } = readParameters(table, form.taskParameters);
      const problem = firstProblem(table, problems);
      if (problem !== undefined) return wrong({ task: problem });
      const taskParameters = Object.keys(values).length > 0 ? { taskParameters: values } : {};
      return { ok: true, input: { kind, task: form.task, samples, ...taskParameters } };
    }
    case 'corpus':
      return form.file === ''
        ? wrong({ file: 'Choose a file or a folder of documents first.' })
        : { ok: true, input: { kind, file: form.file } };
    case 'image-set': {
      if (isBlind(model)) return wrong({ folder: readsTextAlone });
      const prompt: PromptInput | InputProblems = encoder
        ? { kind: 'text', text: '' }
        : readPrompt({ ...form, image: '' }, model);
      const samples = picturesOf(form.samples);
      if (form.folder === '') return wrong({ folder: 'Choose a folder of pictures first.' });
      if (!isRead(prompt)) return wrong(prompt);
      return samples === undefined
        ? wrong({ samples: 'Pictures is a whole number from 1 to 100,000, or all.' })
        : { ok: true, input: { kind, folder: form.folder, prompt, samples } };
    }
  }
}

const isBlind = (model: ModelSummary | undefined): boolean => model !== undefined && model.vision === undefined;

const readsTextAlone = 'The model reads text alone. Choose one that reads pictures.';

const wrong = (problems: InputProblems): InputReading => ({ ok: false, problems });

const samplesSentence = 'Samples is a whole number from 1 to 100,000.';

const most = 100_000;

const samplesOf = (text: string): number | undefined => wholeNumber(text, most, 1);

/** A folder with fewer pictures gives all it has. */
const all = 'all';
const picturesOf = (text: string): number | undefined => (text.trim().toLowerCase() === all ? most : samplesOf(text));
const writtenPictures = (samples: number): string => (samples === most ? all : String(samples));

const isRead = (read: PromptInput | InputProblems): read is PromptInput => 'kind' in read;

/** Problems of the counterpart are shown beside its own fields. */
function readCounterpart(form: InputForm, model: ModelSummary | undefined): PromptInput | InputProblems {
  const { counterText, counterIds, counterTarget, counterTargetIds } = form;
  const own = { text: counterText, ids: counterIds, target: counterTarget, targetIds: counterTargetIds };
  const read = readPrompt({ ...form, ...own }, model, 'the counterpart');
  if (isRead(read)) return read;
  const { prompt: counterpart, target } = read;
  return {
    ...(counterpart === undefined ? {} : { counterpart }),
    ...(target === undefined ? {} : { counterTarget: target }),
  };
}

/** The prompt, or the problems of it and of its target. */
function readPrompt(form: InputForm, model: ModelSummary | undefined, what = 'a prompt'): PromptInput | InputProblems {
  const image = form.image === '' ? {} : { image: form.image };
  if (form.mode !== 'ids') {
    const { text } = form;
    if (model && model.tokenizer !== true) return { prompt: model.tokenizer };
    if (text === '') return { prompt: `Type ${what} first.` };
    const chat = form.chat && model?.chatTemplate !== false ? { chat: true } : {};
    const target = hasTarget(model) && form.target !== '' ? { target: form.target } : {};
    return { kind: 'text', text, ...chat, ...image, ...target };
  }
  const ids = readIds(form.ids, model);
  if (typeof ids === 'string') return { prompt: ids };
  if (ids.length === 0) return { prompt: `Type token ids of ${what} first, separated by spaces or commas.` };
  const target = hasTarget(model) ? readIds(form.targetIds, model) : [];
  if (typeof target === 'string') return { target };
  return { kind: 'ids', ids, ...image, ...(target.length > 0 ? { target } : {}) };
}

/** For a model that is not known yet what is typed may be the target of an encoder-decoder. */
const hasTarget = (model: ModelSummary | undefined): boolean => model === undefined || model.source !== undefined;

/** Ids, or the sentence that says why they cannot be used. */
function readIds(typed: string, model: ModelSummary | undefined): readonly number[] | string {
  const words = typed.split(/[\s,;[\]]+/).filter((word) => word !== '');
  const bad = words.find((word) => !/^\d+$/.test(word));
  if (bad !== undefined) return `“${bad.slice(0, 40)}” is no token id: ids are whole numbers from 0.`;
  const ids = words.map(Number);
  const vocabulary = model?.vocabulary ?? Infinity;
  const beyond = ids.find((id) => id >= vocabulary);
  return beyond === undefined
    ? ids
    : `Token id ${beyond} is outside the vocabulary of ${vocabulary.toLocaleString('en-US')}.`;
}
