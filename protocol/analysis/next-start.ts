/** What a form begins with where another analysis is chosen, for the plans of the extension and for the form of the panel. */
import { demoVisionPrompt } from '../inputs/demo-prompt';
import type { AnalysisInput } from './schema';
import type { PromptInput } from '../inputs/prompt';
import type { AnalysisInfo, InputKind } from './analysis';
import type { ParameterValues } from '../schema/parts';
import type { TaskInfo } from './tasks';
import { isUsualTask, usualTaskOf, type ChosenTask, type UsualTask } from './usual-task';

/** What comes with the extension: a model of text, and one that sees, with a picture and a folder of them. */
export interface Demos {
  readonly text: string;
  /** A file of documents; empty where the package lacks it. */
  readonly corpus: string;
  /** Empty paths where the package lacks them. */
  readonly vision: {
    readonly folder: string;
    readonly image: string;
    readonly scenes: string;
    /** What the scenes hold. */
    readonly truth: string;
  };
  /** A vision encoder, and a folder of pictures for each of its classes. */
  readonly encoder?: { readonly folder: string; readonly pictures: string };
}

export const noDemos: Demos = { text: '', corpus: '', vision: { folder: '', image: '', scenes: '', truth: '' } };

/** What stands in the form of the analysis before. */
export interface Before {
  readonly analysis: AnalysisInfo | undefined;
  readonly folder: string;
  readonly kind: InputKind;
  /** Undefined where none was ever chosen. */
  readonly task: ChosenTask | undefined;
  /** A file of documents; empty: none. */
  readonly file: string;
}

export interface Start {
  readonly kind: InputKind;
  /** In place of the one that stands there. */
  readonly task?: UsualTask;
  readonly file: string;
  /** In place of the model, its interventions and its input. */
  readonly demo?: {
    readonly folder: string;
    readonly input?: AnalysisInput;
    readonly parameters: ParameterValues;
  };
}

/** Captioned in under a minute. */
const demoPictures = 10;
/** All labelled ones that come with the extension. */
const demoLabelled = 80;

/**
 * The kind of input stays where the analysis reads it. A task that the form before began with gives way to the usual one of this
 * analysis, and where no documents are chosen, those that come with the extension are. Where the demo model of text is chosen and
 * the analysis is one of vision, the demo model that sees takes its place, so that one click on Run shows something.
 */
export function startOf(
  analysis: AnalysisInfo,
  { analysis: from, folder, kind, task, file }: Before,
  { text, corpus, vision, encoder }: Demos,
  tasks: readonly TaskInfo[] = [],
): Start {
  const untouched = task === undefined || isUsualTask(from, tasks, task);
  const start: Start = {
    kind: analysis.inputs.includes(kind) ? kind : analysis.inputs[0],
    ...(untouched ? { task: usualTaskOf(analysis) } : {}),
    file: file === '' ? corpus : file,
  };
  if (analysis.group !== 'vision' || text === '' || folder !== text) return start;
  if (analysis.readsPictures && analysis.inputs[0] === 'image-set' && encoder) {
    const prompt: PromptInput = { kind: 'text', text: '' };
    const input = { kind: 'image-set', folder: encoder.pictures, prompt, samples: demoLabelled } as const;
    return { ...start, kind: 'image-set', demo: { folder: encoder.folder, input, parameters: {} } };
  }
  if (vision.image === '') return start;
  const [usual] = analysis.inputs;
  const { folder: model, scenes, image, truth } = vision;
  switch (usual) {
    case 'prompt':
    case 'image': {
      const prompt: PromptInput = { kind: 'text', text: demoVisionPrompt, image };
      return { ...start, kind: usual, demo: { folder: model, input: { kind: usual, prompt }, parameters: {} } };
    }
    case 'image-set': {
      const prompt: PromptInput = { kind: 'text', text: demoVisionPrompt };
      const input = { kind: usual, folder: scenes, prompt, samples: demoPictures };
      const parameters: ParameterValues = 'truth' in analysis.parameters ? { truth } : {};
      return { ...start, kind: usual, demo: { folder: model, input, parameters } };
    }
    case 'prompt-pair':
    case 'task':
    case 'corpus':
    case 'none':
      return { ...start, demo: { folder: model, parameters: {} } };
  }
}
