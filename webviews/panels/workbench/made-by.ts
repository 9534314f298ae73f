/** What made a result, in a line under the finding and in a few lines under what leaves the panel. Pure. */
import { parityWords } from '../../../protocol/results/parity-words';
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { AnalysisInput, AnalysisResult } from '../../../protocol/analysis/schema';
import type { EncoderInput, PromptInput } from '../../../protocol/inputs/prompt';
import { networksFamily } from '../../../protocol/results/heads';
import { threadWords } from '../../../protocol/results/thread-words';
import { lastName } from '../../ui/model-field';
import { count, seconds } from '../../ui/numbers';
import { printDo } from '../../../protocol/interventions/do-form';
import { findingOf, infoOf, isOfAnother } from './shown';
import type { State } from './state';

/** The answer; without one, the question stands in its place. */
export function heading(state: State): string {
  const question = infoOf(state)?.question;
  const nothing = state.opened ? (state.result?.title ?? 'Workbench') : '';
  return shownFinding(state) ?? question ?? nothing;
}

/** A finding does not stand over the question of another analysis. */
const shownFinding = (state: State): string | undefined => (isOfAnother(state) ? undefined : findingOf(state));

/** Facts with ` · ` between them. */
export function circumstances(state: State): string {
  const { result } = state;
  const question = infoOf(state)?.question;
  if (result && !isOfAnother(state)) {
    const changed = result.interventions.length;
    return [
      ...(question === undefined ? [] : [question]),
      result.title,
      result.model.name,
      inputWords(result.input),
      ...(changed > 0 ? [`${changed} ${changed === 1 ? 'intervention' : 'interventions'}`] : []),
    ].join(' · ');
  }
  const info = infoOf(state);
  if (!info) return '';
  return [...(shownFinding(state) === undefined ? [] : [info.question]), info.title, info.source.reference].join(' · ');
}

/** `whole`: prompts are not cut, as in what leaves the panel. */
export function inputWords(input: AnalysisInput, whole = false): string {
  switch (input.kind) {
    case 'prompt':
      return promptWords(input.prompt, whole);
    case 'prompt-pair':
      return `${promptWords(input.prompt, whole)} against ${promptWords(input.counterpart, whole)}`;
    case 'task':
      return `${lastName(input.task)}, ${count(input.samples)} samples`;
    case 'corpus':
      return lastName(input.file);
    case 'image':
      return promptWords(input.prompt, whole);
    case 'image-set':
      return `${count(input.samples)} pictures of ${lastName(input.folder)}`;
    case 'none':
      return 'no input';
  }
}

const longest = 60;
/** No picture would be high enough for more; the JSON has all. */
const longestInFile = 8000;

function promptWords(prompt: PromptInput | EncoderInput, whole: boolean): string {
  if (prompt.kind === 'image') return lastName(prompt.image);
  const image = prompt.image === undefined ? '' : `${lastName(prompt.image)}, `;
  if (prompt.kind === 'ids') {
    const idsWords = (ids: readonly number[]): string =>
      `${count(ids.length)} token ids${whole ? `: ${ids.join(' ')}` : ''}`;
    const behind = prompt.target === undefined ? '' : ` → ${idsWords(prompt.target)}`;
    return `${image}${idsWords(prompt.ids)}${behind}`;
  }
  const behind = prompt.target === undefined ? '' : ` → ${textWords(prompt.target, whole)}`;
  return `${image}${textWords(prompt.text, whole)}${behind}`;
}

function textWords(given: string, whole: boolean): string {
  const text = whole ? given.replaceAll('\n', '↵') : given.replaceAll(/\s+/g, ' ').trim();
  const most = whole ? longestInFile : longest;
  return `“${text.length > most ? `${text.slice(0, most - 1)}…` : text}”`;
}

export function provenanceLines(result: AnalysisResult, info: AnalysisInfo | undefined): readonly string[] {
  const { model, device, parity } = result;
  const parameters = Object.entries(result.parameters).map(([name, value]) => `${name} ${String(value)}`);
  return [
    ...(info ? [`${info.title}: ${info.source.reference}${info.source.note ? `. ${info.source.note}` : ''}`] : []),
    `${model.name} (${model.family}), hash ${model.hash}${model.family === networksFamily ? '' : `, ${model.layers} layers x ${model.heads} query heads, ${model.kvHeads} key/value heads`}, ${model.dtypes.join(', ')}`,
    `Input: ${inputWords(result.input, true)}; seed ${result.seed}`,
    ...(parameters.length > 0 ? [`Parameters: ${parameters.join(', ')}`] : []),
    result.interventions.length === 0
      ? 'No interventions'
      : `Interventions: ${result.interventions.map(printDo).join(' ')}`,
    `${device.name} (${device.provider}), ${threadWords(device.threads)}, ${device.runtime}, ${device.platform}`,
    ...(parity ? [parityWords(parity, String)] : []),
    `Headscope ${result.headscope}, ${result.created}, ${seconds(result.seconds)}`,
  ];
}
