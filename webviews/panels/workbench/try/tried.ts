/** What of the state a trial is of: a prompt that the result on the screen read, and the changes of the request. Pure. */
import type { AnalysedPrompt, AnalysisResult } from '../../../../protocol/analysis/schema';
import type { Intervention } from '../../../../protocol/interventions/interventions';
import type { HeadPlace } from '../../../../protocol/schema/written-form';
import { canonical } from '../../../ui/canonical';
import { isOpen } from '../../../ui/disclosures';
import { hasAttention } from '../attention';
import { isAway } from '../shown';
import type { State } from '../state';
import { changesOf } from './changes';
import { subjectOf, type Trial } from '../trial';

export interface Tried {
  readonly result: AnalysisResult;
  readonly prompt: AnalysedPrompt;
  /** Its place in the result. */
  readonly at: number;
  /** Names model and prompt. */
  readonly subject: string;
  readonly trial: Trial;
  /** The changes as typed, and those that can be read. */
  readonly entries: readonly string[];
  readonly changes: readonly Intervention[];
}

/** Undefined: nothing on the screen read a prompt that changes could be tried on. */
export function triedOf(state: State): Tried | undefined {
  const { result, form, place, compareWith, view, trials } = state;
  if (
    !result ||
    !form ||
    place === 'file' ||
    compareWith ||
    isAway(state) ||
    !hasAttention(result) ||
    result.model.captured
  ) {
    return undefined;
  }
  const at = result.prompts[view.trying.prompt] ? view.trying.prompt : 0;
  const [prompt, subject] = [result.prompts[at], subjectOf(result, at)];
  if (!prompt || subject === undefined) return undefined;
  const entries = form.interventions;
  return { result, prompt, at, subject, trial: trials.get(subject) ?? {}, entries, changes: changesOf(entries) };
}

/** Why the changes are not tried, as a sentence. */
export function whyNotTried({ canRun, form, asides }: State, { result }: Tried): string | undefined {
  if (canRun !== true) return canRun;
  if (asides.waiting) return 'Load the model first.';
  return form?.folder === result.model.folder
    ? undefined
    : `The request is of another model than this result. Take over the request of this tab to try changes on ${result.model.name}.`;
}

/** An encoder goes on with no text. */
export const continues = ({ result: { model } }: Tried): boolean => model.causal || model.source !== undefined;

/** Removing heads changes an answer: a next token, labels or an embedding. */
export const answers = (tried: Tried): boolean => continues(tried) || tried.result.result['readout'] !== undefined;

/** Heads whose own attention is open, each once: not those of an encoder or of cross-attention, whose first token is another one. */
export function openedHeads({ answers }: Pick<State, 'answers'>): readonly HeadPlace[] {
  const opened = answers.flatMap(({ own, section }) =>
    own && section?.kind === 'matrix' && section.stack === undefined ? [section.of] : [],
  );
  return opened.filter((one, at) => opened.findIndex((other) => canonical(other) === canonical(one)) === at);
}

/** It is open beside the heads themselves, and once a head is looked at. */
export const isTryOpen = (state: State, { result }: Tried, compact: boolean): boolean =>
  isOpen(state, tryName, !compact && (result.analysis === 'heads' || openedHeads(state).length > 0));

export const tryName = 'try';
