/** The Kernels panel. */
import { contextKeys, kernelsPanel } from '../../../protocol/contributions/views';
import type { BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import type { KernelCatalogue } from '../../platform/kernel-catalogue';
import { setting } from '../../platform/settings';
import { benchmarkText } from '../../results/benchmark-file';
import { resultFileName } from '../../results/benchmark-words';
import type { ResultLibrary } from '../../results/result-library';
import { chooseOther } from '../choose-other';
import { askWhere, openLink, placeOf } from '../exports';
import { Panels, type PanelParts } from '../panels';
import { chooseModuleFile, waitOrRunBeside } from './dialogs';
import { defaultSetup, storedDraft, storedSetup } from './default-setup';
import { KernelsHost, type KernelsTypes } from './host';
import { benchmarkRun } from './run';

export type KernelsPanels = Panels<KernelsTypes, KernelsHost>;

const draftKey = 'kernels.draft';

export function kernelsPanels(parts: PanelParts, catalogue: KernelCatalogue): KernelsPanels {
  const { compute, history, library, memory, models } = parts;
  return new Panels<KernelsTypes, KernelsHost>(parts, {
    name: 'kernels',
    result: 'benchmark',
    viewType: kernelsPanel,
    title: 'Attention Kernels',
    spoken: 'Attention kernels',
    contextKey: contextKeys.benchmarkRunning,
    run: benchmarkRun(
      {
        benchmark: compute.benchmark,
        jobs: () => compute.queue.doing,
        waitOrRunBeside,
        stopped: compute.stoppedBenchmark,
        save: async (result) => placeOf(await library.save('benchmark', result)),
        keep: async (result) => void (await history.keep('benchmark', result)),
        keepDraft: (draft) => void memory.update(draftKey, draft),
      },
      storedDraft(memory.get(draftKey)),
    ),
    methods: ['benchmark'],
    firstSetup: () => defaultSetup(setting),
    storedSetup,
    setupToStore: (plan) => plan,
    save: (result) => saveAs(library, result),
    chooseOther: (shown) =>
      chooseOther({
        kind: 'benchmark',
        library,
        history,
        shown,
        none: 'There is no other result to compare with. Run the benchmark with other settings, or on another day.',
        placeHolder: 'A benchmark',
      }),
    host: (place, services, send, start) =>
      new KernelsHost(
        place,
        {
          ...services,
          server: compute,
          catalogue,
          shapes: () => models.shapes(),
          onShapes: (listener) => models.onChange(listener),
          openLink,
          chooseModuleFile,
          keepModule: async (result) => void (await history.keep('module', result)),
        },
        send,
        start,
      ),
  });
}

async function saveAs(library: ResultLibrary, result: BenchmarkResult): Promise<string | undefined> {
  const name = resultFileName(result);
  const endings = ['headscope-bench.json'];
  const uri = await askWhere({ name, type: 'Headscope benchmark', endings, title: 'Save Result' });
  if (uri === undefined) return undefined;
  await library.write(uri, benchmarkText(result));
  return placeOf(uri);
}
