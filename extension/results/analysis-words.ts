/** How a saved analysis is named and described in a list. */
import type { AnalysisInput, AnalysisResult } from '../../protocol/analysis/schema';
import { analysisSuffix } from '../../protocol/contributions/views';
import { threadWords } from '../../protocol/results/thread-words';
import { fileNameOf, threeDigits, type ResultLine } from './result-words';

export const analysisFileName = ({ created, model, analysis }: AnalysisResult): string =>
  fileNameOf(created, `${model.name} ${analysis}`, analysisSuffix);

export const analysisDescription = ({ title, model, finding }: AnalysisResult): string =>
  `${title}, ${model.name}: ${finding}`;

const shortened = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text);

function inputWords(input: AnalysisInput, result: AnalysisResult): string {
  const tokens = result.prompts.map(({ ids }) => `${ids.length.toLocaleString('en-US')} tokens`).join(' and ');
  switch (input.kind) {
    case 'prompt':
    case 'image':
    case 'prompt-pair':
      return `prompt of ${tokens}: ${shortened(result.prompts[0]?.text ?? 'token ids')}`;
    case 'task':
      return `task ${input.task}, ${input.samples} samples`;
    case 'corpus':
      return `documents of ${input.file}`;
    case 'image-set':
      return `pictures of ${input.folder}`;
    case 'none':
      return 'no input';
  }
}

/** Plain lines for a tooltip: what was found, in which model, on what, where, with what. */
export function analysisDetails(result: AnalysisResult): readonly string[] {
  const { model, device, input, parameters, interventions } = result;
  const given = Object.entries(parameters).map(([name, value]) => `${name} ${String(value)}`);
  return [
    result.finding,
    `${model.name}, family ${model.family}, ${model.layers} layers of ${model.heads} query heads`,
    inputWords(input, result),
    ...(given.length === 0 ? [] : [given.join(', ')]),
    ...(interventions.length === 0
      ? []
      : [`${interventions.length} ${interventions.length === 1 ? 'intervention' : 'interventions'}`]),
    `${device.name}, ${device.provider}, ${threadWords(device.threads)}`,
    `${device.runtime}, ${device.platform}, Headscope ${result.headscope}, seed ${result.seed}`,
    `${result.created}, ${threeDigits(result.seconds)} s`,
  ];
}

/** Its sections, a line each. */
export const analysisLines = ({ sections }: AnalysisResult): readonly ResultLine[] =>
  sections.map(({ title, kind, caption }) => ({ label: title, text: caption ?? kind }));
