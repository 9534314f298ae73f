/** An analysis as it is run: one of the catalogue, or one of a person's file, which answers from a process of its own. */
import type { Analysis, GivenOffer, ReadInput, Support, Work } from '../../diagnostics/analysis';
import type { ModelFacts } from '../../diagnostics/model-runner/model-runner';
import type { ParameterValues } from '../../protocol/schema/parts';
import type { Section } from '../../protocol/sections/section';

type Late<T> = T | Promise<T>;
type Result = Readonly<Record<string, unknown>>;

interface Answers {
  supports(model: ModelFacts, parameters: ParameterValues): Late<Support>;
  estimate(model: ModelFacts, input: ReadInput, parameters: ParameterValues): Late<Work>;
  stopped?(known: Partial<Result>): Late<Result | undefined>;
  finding(result: Partial<Result>): Late<string>;
  sections(result: Partial<Result>): Late<readonly Section[]>;
  compare?(other: Result, own: Result): Late<readonly Section[]>;
  offers?(result: Result): Late<readonly GivenOffer[]>;
}

export interface RunAnalysis extends Omit<Analysis, keyof Answers | 'result'>, Answers {
  /** Of a file: of its text and of what it imports. */
  readonly sha256?: string;
}

/** What is said of a result, wherever the analysis lies. */
export type SaysOf = Pick<RunAnalysis, 'id' | 'finding' | 'sections' | 'offers' | 'sha256'>;
export type ShowsOf = Pick<RunAnalysis, 'finding' | 'sections'>;
