/** The Kernels panel. */
import * as vscode from 'vscode';
import { contextKeys, kernelsPanel } from '../../../protocol/contributions/views';
import type { BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { setting } from '../../platform/settings';
import { benchmarkText } from '../../results/benchmark-file';
import { resultFileName } from '../../results/benchmark-words';
import { chooseResult } from '../../results/choose-result';
import type { ResultLibrary } from '../../results/result-library';
import { askWhere, openLink, placeOf } from '../exports';
import { Panels, type PanelParts } from '../panels';
import { chooseModuleFile, waitOrRunBeside } from './dialogs';
import { defaultSetup, storedDraft, storedSetup } from './default-setup';
import { KernelsHost, type KernelsTypes } from './host';
import { benchmarkRun } from './run';

export type KernelsPanels = Panels<KernelsTypes, KernelsHost>;

const draftKey = 'kernels.draft';
/** Where the last result was saved, so that a reloaded window shows it again. */
const lastKey = 'kernels.last';

export function kernelsPanels(parts: PanelParts): KernelsPanels {
  const { compute, library, memory, models } = parts;
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
        save: async (result) => {
          const uri = await library.save('benchmark', result);
          await memory.update(lastKey, uri.toString());
          return placeOf(uri);
        },
        keepDraft: (draft) => void memory.update(draftKey, draft),
      },
      storedDraft(memory.get(draftKey)),
    ),
    methods: ['benchmark'],
    firstSetup: () => defaultSetup(setting),
    storedSetup,
    setupToStore: (plan) => plan,
    latest: () => lastResult(parts),
    save: (result) => saveAs(library, result),
    chooseOther: async (shown) => {
      const files = await library.listOf('benchmark');
      const chosen = await chooseResult(files, 'Compare with', ({ listing }) => listing.created !== shown?.created);
      return chosen?.kind === 'benchmark' ? { name: chosen.name, result: chosen.content.result } : undefined;
    },
    host: (place, services, send, start) =>
      new KernelsHost(
        place,
        {
          ...services,
          server: compute,
          shapes: () => models.shapes(),
          onShapes: (listener) => models.onChange(listener),
          openLink,
          chooseModuleFile,
        },
        send,
        start,
      ),
  });
}

/** The last result of this workspace, when its file is still there. */
async function lastResult({ library, memory }: PanelParts): Promise<BenchmarkResult | undefined> {
  const text = memory.get<unknown>(lastKey);
  if (typeof text !== 'string') return undefined;
  const saved = await library.read(vscode.Uri.parse(text, true));
  return saved.kind === 'benchmark' && saved.content.ok ? saved.content.result : undefined;
}

async function saveAs(library: ResultLibrary, result: BenchmarkResult): Promise<string | undefined> {
  const name = resultFileName(result);
  const endings = ['headscope-bench.json'];
  const uri = await askWhere({ name, type: 'Headscope benchmark', endings, title: 'Save Result' });
  if (uri === undefined) return undefined;
  await library.write(uri, benchmarkText(result));
  return placeOf(uri);
}
