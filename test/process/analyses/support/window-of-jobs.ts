/** A window that starts a run which goes on without it, until somebody kills it. Its parts and the request come by the environment. */
import { DetachedRuns, type DetachedParts } from '../../../../extension/platform/detached-runs';
import type { ComputeLaunch } from '../../../../extension/platform/compute-process';
import type { AnalysisRequest } from '../../../../protocol/analysis/schema';

interface Given {
  readonly root: DetachedParts['root'];
  readonly workspace: readonly string[];
  readonly launch: Omit<ComputeLaunch, 'log'>;
  readonly request: AnalysisRequest;
}

const { root, workspace, launch, request } = JSON.parse(process.env['WINDOW_OF_JOBS'] ?? '') as Given;
const window = new DetachedRuns({
  root,
  workspace: () => workspace,
  launch: () => ({ ...launch, log: () => undefined }),
});
const named = { title: 'Trained cycle', model: '' };
void window.run(request, named, new AbortController().signal, () => process.send?.('it goes on'));
