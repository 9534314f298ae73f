/** The plan that the workbench starts with, and plans from the storage of an earlier version or session. */
import type { AnalysisInfo, InputKind } from '../../../protocol/analysis/analysis';
import { type AnalysisInput, analysisSetup, type AnalysisSetup } from '../../../protocol/analysis/schema';
import { isTaskFile, type TaskInfo } from '../../../protocol/analysis/tasks';
import { demoPrompt } from '../../../protocol/inputs/demo-prompt';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { startOf, type Demos } from '../../../protocol/analysis/next-start';
import { usualTaskOf } from '../../../protocol/analysis/usual-task';
import type { PromptInput } from '../../../protocol/inputs/prompt';
import { interventionsField, rowsPath } from '../../../protocol/interventions/interventions';
import { prompt } from '../../../protocol/panels/messages';
import { headsAnalysis } from '../../../protocol/results/labelled-heads';
import { check } from '../../../protocol/schema/check';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { flag, number, object, optional, text } from '../../../protocol/schema/fields';

/** Pictures of a folder that a form begins with. */
const samples = 100;

/** An input of the kind that an analysis reads, with what an input of another kind has in common with it. */
export function inputOf(kind: InputKind, before: AnalysisInput | undefined, analysis?: AnalysisInfo): AnalysisInput {
  if (before?.kind === kind) return before;
  const given =
    before !== undefined && 'prompt' in before && before.prompt.kind !== 'image' ? before.prompt : undefined;
  const prompt: PromptInput = given ?? { kind: 'text', text: demoPrompt };
  switch (kind) {
    case 'prompt':
      return { kind, prompt };
    case 'prompt-pair':
      return { kind, prompt, counterpart: { kind: 'text', text: '' } };
    case 'image':
      return { kind, prompt };
    case 'image-set':
      return { kind, folder: '', prompt, samples };
    case 'task':
      return { kind, ...usualTaskOf(analysis) };
    case 'corpus':
      return { kind, file: '' };
    case 'none':
      return { kind };
  }
}

export const firstSetup = (catalogue: readonly AnalysisInfo[], demoFolder: string): AnalysisSetup => ({
  analysis: catalogue[0]?.id ?? '',
  folder: demoFolder,
  input: inputOf(catalogue[0]?.inputs[0] ?? 'prompt', undefined, catalogue[0]),
  parameters: {},
  interventions: [],
  seed: 0,
});

/** The same model and input for another analysis, with the defaults of its parameters, as far as `startOf` leaves them. */
export function setupFor(
  analysis: AnalysisInfo,
  before: AnalysisSetup,
  demos: Demos,
  { from, tasks = [] }: { readonly from?: AnalysisInfo | undefined; readonly tasks?: readonly TaskInfo[] } = {},
): AnalysisSetup {
  if (analysis.id === before.analysis) return before;
  const { input } = before;
  // One that trains its own model has named none.
  const folder = before.folder === '' ? demos.text : before.folder;
  const { kind, task, file, demo } = startOf(
    analysis,
    {
      analysis: from,
      folder,
      kind: input.kind,
      task: input.kind === 'task' ? input : undefined,
      file: input.kind === 'corpus' ? input.file : '',
    },
    demos,
    tasks,
  );
  const given = inputOf(kind, kind === 'task' && task ? undefined : input, analysis);
  const own = given.kind === 'corpus' ? { ...given, file } : given;
  const { adapter, ...rest } = before;
  const keeps = adapter !== undefined && (demo?.folder ?? folder) === before.folder;
  return {
    ...rest,
    ...(keeps ? { adapter } : {}),
    folder,
    analysis: analysis.id,
    input: demo?.input ?? own,
    parameters: demo?.parameters ?? {},
    ...(demo ? { folder: demo.folder, interventions: [] } : {}),
  };
}

/** The folder of the demo model moves with every update of the extension: it is stored by this name. */
const demoName = '';

export const setupToStore = (plan: AnalysisSetup, demoFolder: string): AnalysisSetup =>
  plan.folder === demoFolder ? { ...plan, folder: demoName } : plan;

/** The plan of the panel that showed heads until 2026-12-01. */
const earlierHeads = object({
  folder: text,
  device: optional(text),
  prompt,
  interventions: interventionsField,
  classify: flag,
  causal: flag,
  seed: number,
});

function setupOfHeads(value: unknown): AnalysisSetup | undefined {
  const checked = check(earlierHeads, value);
  if (!checked.ok) return undefined;
  const { prompt: read, classify: labels, causal, ...request } = checked.result;
  return {
    ...request,
    analysis: headsAnalysis.id,
    input: { kind: 'prompt', prompt: read },
    parameters: { labels, causal },
  };
}

/** Taken only when it has everything a plan has, and its analysis is still there. */
export function storedSetup(
  value: unknown,
  catalogue: readonly AnalysisInfo[],
  demoFolder: string,
): AnalysisSetup | undefined {
  const checked = check(analysisSetup, value);
  const plan = checked.ok ? checked.result : setupOfHeads(value);
  if (plan === undefined) return undefined;
  if (!catalogue.some(({ id }) => id === plan.analysis)) return undefined;
  return plan.folder === demoName ? { ...plan, folder: demoFolder } : plan;
}

/** What says which parameters of an analysis or of a task are paths. */
export interface PathTables {
  readonly catalogue: readonly AnalysisInfo[];
  readonly tasks: readonly TaskInfo[];
}

/** The files and folders that a plan would have opened. */
export const pathsOf = (
  { analysis, folder, adapter, input, interventions, parameters }: AnalysisSetup,
  { catalogue, tasks }: PathTables,
): readonly string[] => [
  folder,
  ...(adapter === undefined ? [] : [adapter]),
  ...pathsOfInput(input),
  ...(input.kind === 'task' ? pathsAmong(input.taskParameters ?? {}, input.task, tasks) : []),
  ...interventions.flatMap((one) => rowsPath(one) ?? []),
  ...pathsAmong(parameters, analysis, catalogue),
];

function pathsAmong(
  values: ParameterValues,
  id: string,
  among: readonly { readonly id: string; readonly parameters: ParameterTable }[],
): readonly string[] {
  const table = among.find((one) => one.id === id)?.parameters ?? {};
  return Object.entries(table).flatMap(([name, { kind }]) => {
    const value = values[name];
    return (kind === 'file' || kind === 'folder') && typeof value === 'string' ? [value] : [];
  });
}

function pathsOfInput(input: AnalysisSetup['input']): readonly string[] {
  const ofPrompt = (prompt: { readonly image?: string }): readonly string[] =>
    prompt.image === undefined ? [] : [prompt.image];
  switch (input.kind) {
    case 'prompt':
    case 'image':
      return ofPrompt(input.prompt);
    case 'prompt-pair':
      return [...ofPrompt(input.prompt), ...ofPrompt(input.counterpart)];
    case 'image-set':
      return [input.folder];
    case 'corpus':
      return [input.file];
    case 'task':
      return isTaskFile(input.task) ? [input.task] : [];
    case 'none':
      return [];
  }
}
