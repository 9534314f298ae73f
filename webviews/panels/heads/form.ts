/** The plan as a person edits it: text stays as typed; `readForm` makes a plan of it or says what to correct. */
import type { PromptInput } from '../../../protocol/inputs/prompt';
import { parseDo, printDo } from '../../../protocol/interventions/do-form';
import { fromGains, gainsIn } from '../../../protocol/interventions/gains';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { HeadsSetup } from '../../../protocol/panels/heads-schema';
import type { HeadGain, ModelSummary } from '../../../protocol/schema/parts';
import { canonical } from '../../ui/canonical';
import { deviceOfSetup, setupOfDevice } from '../../ui/device-field';
import { readSeed, seedProblem, type Reading } from '../../ui/form-fields';

export interface Form {
  readonly folder: string;
  /** Empty: the device of the setting. */
  readonly device: string;
  readonly mode: 'text' | 'ids';
  readonly text: string;
  readonly ids: string;
  readonly chat: boolean;
  readonly classify: boolean;
  readonly causal: boolean;
  readonly seed: string;
  readonly gains: readonly HeadGain[];
  /** Interventions of other kinds, in their written form (`--do`). */
  readonly others: readonly string[];
}

export const toForm = (plan: HeadsSetup): Form => ({
  folder: plan.folder,
  device: deviceOfSetup(plan),
  mode: plan.prompt.kind,
  text: plan.prompt.kind === 'text' ? plan.prompt.text : '',
  ids: plan.prompt.kind === 'ids' ? plan.prompt.ids.join(' ') : '',
  chat: plan.prompt.kind === 'text' && plan.prompt.chat === true,
  classify: plan.classify,
  causal: plan.causal,
  seed: String(plan.seed),
  ...changesOf(plan),
});

/** The interventions of a plan in the fields of the form: gains, and all others as text. */
export const changesOf = ({ interventions }: Pick<HeadsSetup, 'interventions'>): Pick<Form, 'gains' | 'others'> => ({
  gains: gainsIn(interventions),
  others: interventions.filter(({ kind }) => kind !== 'gain').map(printDo),
});

/** The interventions of a form whose text can be read; the gains first. */
export const interventionsOf = ({ gains, others }: Pick<Form, 'gains' | 'others'>): readonly Intervention[] => [
  ...fromGains(gains),
  ...others.flatMap((text) => {
    const read = parseDo(text);
    return read.ok ? [read.value] : [];
  }),
];

/** Why the first text that cannot be read is none. */
function othersProblem({ others }: Pick<Form, 'others'>): string | undefined {
  for (const text of others) {
    const read = parseDo(text);
    if (!read.ok) return read.why;
  }
  return undefined;
}

export type FormReading = Reading<HeadsSetup, Form & { readonly prompt: string }>;

export function readForm(form: Form, model?: ModelSummary): FormReading {
  const prompt = readPrompt(form, model);
  const seed = readSeed(form.seed);
  const others = othersProblem(form);
  const problems = {
    ...(others === undefined ? {} : { others }),
    ...(form.folder === '' ? { folder: 'Choose a model first.' } : {}),
    ...(typeof prompt === 'string' ? { prompt } : {}),
    ...(seed === undefined ? { seed: seedProblem } : {}),
  };
  if (Object.keys(problems).length > 0 || typeof prompt === 'string' || seed === undefined)
    return { ok: false, problems };
  return {
    ok: true,
    plan: {
      folder: form.folder,
      ...setupOfDevice(form.device),
      prompt,
      interventions: interventionsOf(form),
      classify: form.classify,
      causal: form.causal,
      seed,
    },
  };
}

/** The prompt, or the sentence that says why it cannot be used. */
export function readPrompt(form: Form, model?: ModelSummary): PromptInput | string {
  if (form.mode === 'text') {
    if (model && model.tokenizer !== true) return `${model.tokenizer} Use token ids instead.`;
    if (form.text === '') return 'Type a prompt first.';
    return { kind: 'text', text: form.text, ...(form.chat && model?.chatTemplate !== false ? { chat: true } : {}) };
  }
  const words = form.ids.split(/[\s,;[\]]+/).filter((word) => word !== '');
  if (words.length === 0) return 'Type token ids first, separated by spaces or commas.';
  const bad = words.find((word) => !/^\d+$/.test(word));
  if (bad !== undefined) return `“${bad}” is no token id: ids are whole numbers from 0.`;
  const ids = words.map(Number);
  const vocabulary = model?.vocabulary;
  const beyond = vocabulary === undefined ? undefined : ids.find((id) => id >= vocabulary);
  if (beyond !== undefined && vocabulary !== undefined) {
    return `Token id ${beyond} is outside the vocabulary of ${vocabulary.toLocaleString('en-US')}.`;
  }
  return { kind: 'ids', ids };
}

/** Gains that change something, in order of layer and head. */
export function withGain(gains: readonly HeadGain[], layer: number, head: number, gain: number): HeadGain[] {
  const others = gains.filter((one) => one.layer !== layer || one.head !== head);
  const all = gain === 1 ? others : [...others, { layer, head, gain }];
  return all.sort((a, b) => a.layer - b.layer || a.head - b.head);
}

export const gainOf = (gains: readonly HeadGain[], layer: number, head: number): number =>
  gains.find((one) => one.layer === layer && one.head === head)?.gain ?? 1;

export const sameInterventions = (a: readonly Intervention[], b: readonly Intervention[]): boolean =>
  canonical(a) === canonical(b);

/** The same run? */
export const sameSetup = (a: HeadsSetup | undefined, b: HeadsSetup | undefined): boolean =>
  a !== undefined && b !== undefined && canonical(a) === canonical(b);
