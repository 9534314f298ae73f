/** One tab: a run of this window, or a result. */
import type { AnalysisResult, AnalysisSetup } from '../../../protocol/analysis/schema';
import { setupOfAnalysis } from '../../../protocol/panels/workbench';
import type { KeptTab, TabStanding } from '../../../protocol/panels/workbench-tabs';
import { idOf, subjectIn } from '../../history/entry';
import { defined } from '../../platform/defined';
import type { Flight } from '../flight';
import type { AnalysisEvent } from './run';

export type AnalysisFlight = Flight<AnalysisSetup, AnalysisEvent, AnalysisResult>;

export interface Tab {
  kept: KeptTab;
  /** The run of this window, while its result is not whole or was just made. */
  flight?: AnalysisFlight | undefined;
  failed?: string;
  /** The tab that was in front before it. */
  before?: string | undefined;
  /** The tab that was the Look before it. */
  lookBefore?: Tab | undefined;
  /** The Look whose place the run has taken: it stands again if the run gives nothing. */
  replaced?: Required<Pick<Tab, 'kept' | 'flight' | 'savedAs'>>;
  /** Milliseconds since 1970. */
  begun?: number;
  savedAs?: string | undefined;
  /** How far it was when that was last said. */
  said?: string;
  /** What its run has found is written when this fires. */
  writes?: NodeJS.Timeout | undefined;
}

/** The id under which the history has a result. */
export const entryOf = (result: AnalysisResult): string => idOf('analysis', subjectIn('analysis', result));

/** What its run has found, while its result is not whole. */
export const foundIn = ({ flight }: Tab): Extract<AnalysisEvent, { readonly kind: 'partial' }> | undefined =>
  flight?.replay().find((event) => event.kind === 'partial');

/** Steps that the server has kept of a run that goes on. */
export const stepsOf = ({ flight }: Tab): number => (flight?.stage?.kind === 'stage' ? flight.stage.kept : 0);

export function keptOf(result: AnalysisResult): Omit<KeptTab, 'id'> {
  const { title, model, created, finding } = result;
  return { setup: setupOfAnalysis(result), title, model: model.name, created, finding, entry: entryOf(result) };
}

export function standingOf({ stage }: AnalysisFlight, state: TabStanding['state']): TabStanding {
  if (stage?.kind !== 'stage') return { state, sentence: state === 'waiting' ? 'Waiting' : 'Starting', share: 0 };
  const { sentence, share, secondsLeft } = stage;
  return { state, sentence, share, ...defined({ secondsLeft }) };
}

/** Milliseconds in which a Look that runs by itself says nothing of it: most are done by then. */
const quietly = 500;

export const isQuiet = ({ begun = 0 }: Tab): boolean => Date.now() - begun < quietly;
