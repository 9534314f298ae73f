/** What was tried on a prompt that a result read: next tokens and the text that the model writes on. Pure. */
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { QueryStatistics, TryAnswer } from '../../../protocol/panels/try-messages';
import type { NextTokens } from '../../../protocol/results/heads';
import { remembered } from '../../sections/remembered';
import { canonical } from '../../ui/canonical';
import { initialSampling, type Sampling, type SamplingForm } from './sampling';

/** What a person arranged; survives a reload. */
export interface Trying {
  /** Which prompt of the result, where it read two. */
  readonly prompt: number;
  /** Heads whose weight of the first token the slider sets, by the names of `first-token.ts`. */
  readonly firstTokenHeads: string;
  /** How a continuation is written. */
  readonly sampling: SamplingForm;
}

export const initialTrying: Trying = { prompt: 0, firstTokenHeads: 'all', sampling: initialSampling };

/** The next-token distributions asked for last: of the plain model, then under the interventions. */
interface AskedTokens {
  readonly request: number;
  readonly interventions: readonly Intervention[];
  readonly distributions?: readonly NextTokens[];
  readonly problem?: string;
}

export interface Continuation {
  readonly text: string;
  readonly tokens: number;
  readonly done: boolean;
}

export interface Generation {
  readonly request: number;
  readonly interventions: readonly Intervention[];
  readonly sampling: Sampling;
  readonly plain?: Continuation;
  readonly changed?: Continuation;
  readonly running: boolean;
  readonly problem?: string;
  /** Statistics of the query that made the latest token. */
  readonly live?: QueryStatistics;
}

export interface Trial {
  readonly tokens?: AskedTokens;
  readonly generation?: Generation;
}

/** By model and prompt: what was written stays when the same prompt is read again, as by a Look under other changes. */
export type Trials = ReadonlyMap<string, Trial>;

const mostTrials = 24;

export const subjectOf = remembered(({ model, prompts }: AnalysisResult, at: number): string | undefined => {
  const prompt = prompts[at];
  return prompt && canonical([model.hash, prompt.ids, prompt.image?.sha256 ?? null]);
});

/** The oldest go first. */
export function withTrial(trials: Trials, subject: string, change: Partial<Trial>): Trials {
  const trial = { ...trials.get(subject), ...change };
  const others = [...trials].filter(([key]) => key !== subject);
  return new Map([...others.slice(1 - mostTrials), [subject, trial]]);
}

function found(trials: Trials, has: (trial: Trial) => boolean): [string, Trial] | undefined {
  return [...trials].find(([, trial]) => has(trial));
}

export function answered(trials: Trials, message: TryAnswer): Trials {
  const { request } = message;
  if (message.kind === 'nextTokens') {
    const [subject, { tokens }] = found(trials, (one) => one.tokens?.request === request) ?? ['', {}];
    if (!tokens) return trials;
    const { interventions } = tokens;
    return withTrial(trials, subject, { tokens: { request, interventions, distributions: message.distributions } });
  }
  const [subject, { generation }] = found(trials, (one) => one.generation?.request === request) ?? ['', {}];
  return generation ? withTrial(trials, subject, { generation: withToken(generation, message) }) : trials;
}

function withToken(
  { live: _, ...generation }: Generation,
  message: Extract<TryAnswer, { kind: 'token' | 'generated' }>,
): Generation {
  const side = message.variant ? 'changed' : 'plain';
  const next: Generation = {
    ...generation,
    [side]:
      message.kind === 'token'
        ? { text: message.text, tokens: message.index + 1, done: false }
        : { text: message.text, tokens: generation[side]?.tokens ?? 0, done: true },
  };
  const isWhole = next.plain?.done === true && (next.interventions.length === 0 || next.changed?.done === true);
  // What was stopped gives the text that it has.
  const running = generation.running && !isWhole;
  const live = running && message.kind === 'token' ? message.statistics : undefined;
  return { ...next, running, ...(live ? { live } : {}) };
}

/** Undefined: the question was none of these. */
export function failed(trials: Trials, request: number, problem: string): Trials | undefined {
  const [ofTokens, { tokens }] = found(trials, (one) => one.tokens?.request === request) ?? ['', {}];
  if (tokens) return withTrial(trials, ofTokens, { tokens: { ...tokens, problem } });
  const [subject, { generation }] = found(trials, (one) => one.generation?.request === request) ?? ['', {}];
  if (!generation) return undefined;
  return withTrial(trials, subject, { generation: { ...stopped(generation), problem } });
}

export const stopped = ({ live: _, ...generation }: Generation): Generation => ({ ...generation, running: false });
