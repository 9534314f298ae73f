/** The series of a mechanism of the workspace beside the baseline, at the lengths of the Kernels panel. */
import * as vscode from 'vscode';
import type { KernelOfWorkspace } from '../../../protocol/results/benchmark-schema';
import type { Compute } from '../../platform/compute';
import { defined } from '../../platform/defined';
import type { KernelsPanels } from './kernels';

/** A benchmark that a person has started is not ended for it, and nothing else is timed beside other work. */
export async function ownSeries(
  kernels: KernelsPanels,
  compute: Pick<Compute, 'queue'>,
  kernel: KernelOfWorkspace,
): Promise<void> {
  const { run } = kernels;
  const runsOwn = run.running && run.plan?.kernels !== undefined;
  const [doing] = runsOwn ? [] : compute.queue.doing;
  if (doing !== undefined) {
    const name = kernel.title ?? kernel.id.replace(/^own:/u, '');
    vscode.window.setStatusBarMessage(`${name} keeps all laws. It was not timed, as Headscope is ${doing}.`, 10_000);
    return;
  }
  const { mechanisms: _chosen, furtherPatterns: _patterns, done: _done, ...plan } = kernels.plan;
  await kernels.openBeside();
  const mechanisms = [kernel.id];
  await run.start(defined({ ...plan, mechanisms, kernels: [kernel], measureMemory: false, caches: false }));
}
