/** The file of a sweep from what the workbench shows: one cell, with comments that say how to add more. Pure. */
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { Parameter } from '../../../protocol/analysis/parameters';
import type { AnalysisInput, AnalysisSetup } from '../../../protocol/analysis/schema';
import { printDo } from '../../../protocol/interventions/do-form';
import type { Checked } from '../../../protocol/schema/check';

type Value = string | number | boolean;
type Settings = Readonly<Record<string, Value | readonly string[] | undefined>>;

/** Where the workbench runs what does not name a device and weights itself. */
export interface UsualPlace {
  readonly device: string;
  readonly weights: string;
}

/** Refused with a sentence where a cell could not run it. */
export function sweepOf(
  setup: AnalysisSetup,
  analysis: Pick<AnalysisInfo, 'id' | 'title' | 'parameters' | 'trains'>,
  usual: UsualPlace,
): Checked<string> {
  const input = settingsOfInput(setup.input);
  if (!input.ok) return input;
  if (!analysis.trains && setup.folder === '')
    return { ok: false, why: 'No model is chosen. Choose one in the workbench, then make the sweep.' };
  const { device = usual.device, weights = usual.weights } = setup;
  const shared: Settings = {
    ...input.result,
    ...(setup.interventions.length === 0 ? {} : { do: setup.interventions.map(printDo) }),
    ...(device === 'cpu' ? {} : { device }),
    ...(weights === 'as-stored' ? {} : { weights }),
    ...(setup.adapter === undefined || setup.adapter === '' ? {} : { adapter: setup.adapter }),
  };
  const { task, ...others } = shared;
  const chosen = Object.entries(analysis.parameters).map(([name, parameter]) => ({
    name,
    parameter,
    value: setup.parameters[name] ?? parameter.default,
  }));
  const changed = chosen.filter(({ parameter, value }) => value !== parameter.default);
  const varied: readonly (readonly [string, Value])[] = [
    ...(analysis.trains ? [] : [['model', setup.folder] as const]),
    ...(typeof task === 'string' ? [['task', task] as const] : []),
    ...changed.map(({ name, value }) => [`param.${name}`, value] as const),
  ];
  const usualOnes = chosen.filter((one) => !changed.includes(one) && one.parameter.kind !== 'folder');
  const lines = [
    'kind: headscope-sweep',
    'version: 1',
    `title: ${written(analysis.title)}`,
    `run: ${analysis.id}`,
    ...part('settings', '# All cells have these settings.', others),
    '# One cell for each combination. Add values to a list, or another setting with its list.',
    'matrix:',
    ...varied.map(([name, value]) => `  ${name}: [${written(value)}]`),
    ...usualOnes.map(
      ({ name, parameter }) => `  # param.${name}: [${valuesToTry(parameter)}] # ${oneLine(parameter.description)}`,
    ),
    ...(varied.length === 0 ? ['  {}'] : []),
    '# Every cell runs once for each seed. Add seeds to the list, or write their number instead, such as 5.',
    `seeds: [${setup.seed}]`,
    '# What each cell may use, such as { threads: 2, memory: 4GB, time: 30m }.',
    '# resources: {}',
  ];
  return { ok: true, result: `${lines.join('\n')}\n` };
}

const part = (name: string, comment: string, settings: Settings): readonly string[] => {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  if (given.length === 0) return [];
  return [comment, `${name}:`, ...given.map(([key, value]) => `  ${key}: ${written(value ?? '')}`)];
};

/** A text in JSON is one in YAML as well; a list is one of texts. */
const written = (value: Value | readonly string[]): string => JSON.stringify(value);

const oneLine = (text: string): string => text.replaceAll(/\s+/gu, ' ').trim();

function valuesToTry(parameter: Parameter): string {
  if (parameter.kind === 'choice') return parameter.options.map(written).join(', ');
  if (parameter.kind === 'boolean') return 'false, true';
  return written(parameter.default);
}

type Prompt = Extract<AnalysisInput, { readonly kind: 'prompt' }>['prompt'];

function settingsOfPrompt(prompt: Prompt): Settings {
  if (prompt.kind === 'image') return { image: [prompt.image], encoder: true, tile: prompt.tile };
  const image = prompt.image === undefined || prompt.image === '' ? {} : { image: [prompt.image] };
  if (prompt.kind === 'ids')
    return {
      ids: prompt.ids.join(','),
      ...image,
      ...(prompt.target === undefined ? {} : { 'target-ids': prompt.target.join(',') }),
    };
  return {
    prompt: prompt.text,
    ...(prompt.chat ? { chat: true } : {}),
    ...image,
    ...(prompt.target === undefined || prompt.target === '' ? {} : { target: prompt.target }),
  };
}

function settingsOfInput(input: AnalysisSetup['input']): Checked<Settings> {
  switch (input.kind) {
    case 'prompt':
    case 'image':
      return { ok: true, result: settingsOfPrompt(input.prompt) };
    case 'prompt-pair': {
      const { prompt, counterpart } = input;
      if (counterpart.kind === 'ids')
        return { ok: false, why: 'A sweep takes the second prompt as text, not as token ids. Write it as text.' };
      const target = counterpart.target === undefined ? {} : { 'counterpart-target': counterpart.target };
      return { ok: true, result: { ...settingsOfPrompt(prompt), counterpart: counterpart.text, ...target } };
    }
    case 'task': {
      const parameters = Object.entries(input.taskParameters ?? {}).map(([name, value]) => [
        `task-param.${name}`,
        value,
      ]);
      return {
        ok: true,
        result: { task: input.task, samples: input.samples, ...(Object.fromEntries(parameters) as Settings) },
      };
    }
    case 'corpus':
      return { ok: true, result: { corpus: input.file } };
    case 'image-set':
      return { ok: true, result: { images: input.folder, samples: input.samples, ...settingsOfPrompt(input.prompt) } };
    case 'none':
      return { ok: true, result: {} };
  }
}
