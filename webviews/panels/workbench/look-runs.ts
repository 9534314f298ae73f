/**
 * When Look runs by itself: it is in front, its request differs from what it shows, and the estimate is brief. Labels of heads need
 * null models; where they alone make it long, it runs without them, and they come with Run. Pure.
 */
import type { AnalysisSetup } from '../../../protocol/analysis/schema';
import type { AnalysisEstimate } from '../../../protocol/compute/analyses';
import { canonical } from '../../ui/canonical';
import { awaitsBeside } from './beside';
import { isLook, lookTab } from './look';
import { differences, setupOf, whyNotStart } from './shown';
import type { State } from './state';

/** Seconds: what takes longer is left to Run. */
const longest = 1;

const isBrief = (estimate: AnalysisEstimate | undefined): boolean =>
  estimate?.supported === true && estimate.seconds !== undefined && estimate.seconds < longest;

/** The plan of the form without labels; undefined where it has none. */
export function briefPlan(state: State): AnalysisSetup | undefined {
  const plan = setupOf(state);
  return plan?.analysis === 'heads' && plan.parameters['labels'] !== false
    ? { ...plan, parameters: { ...plan.parameters, labels: false } }
    : undefined;
}

/** The plan of the form takes too long, and nobody has asked yet what it takes without labels. */
export function isAskedBriefly(state: State): boolean {
  const { estimated } = state;
  const { estimate, brief } = estimated ?? {};
  return (
    briefPlan(state) !== undefined && differs(state) && estimate?.supported === true && !isBrief(estimate) && !brief
  );
}

/** What Look shows, if anything, is of another request, and that one can be run. */
function differs(state: State): boolean {
  if (!isLook(state) || !state.opened || whyNotStart(state) !== undefined) return false;
  const tab = lookTab(state);
  const isShown =
    tab !== undefined && (tab.id !== state.active || state.result !== undefined || state.phase.kind === 'running');
  return !isShown || differences(state, tab).length > 0;
}

/** What Look runs by itself now; undefined: nothing, or it was asked for already. */
export function lookToRun(state: State): AnalysisSetup | undefined {
  const plan = setupOf(state);
  if (!plan || !differs(state) || state.looked?.of === canonical(plan) || awaitsBeside(state)) return undefined;
  if (isBrief(state.estimated?.estimate)) return plan;
  return isBrief(state.estimated?.brief?.estimate) ? briefPlan(state) : undefined;
}

/** What is shown gives way to the look at the request in a moment, so it is not called stale meanwhile. */
export function awaitsLook(state: State): boolean {
  const plan = setupOf(state);
  if (!plan || !differs(state)) return false;
  if (state.looked?.of === canonical(plan)) return !state.looked.over;
  const { estimate, brief } = state.estimated ?? {};
  if (estimate === undefined || isBrief(estimate)) return true;
  return (
    briefPlan(state) !== undefined &&
    estimate.supported === true &&
    (brief?.estimate === undefined || isBrief(brief.estimate))
  );
}

/** Look ran without the labels that the form asks for. */
export const lacksLabels = (state: State): boolean =>
  isLook(state) && state.result?.parameters['labels'] === false && briefPlan(state) !== undefined;
