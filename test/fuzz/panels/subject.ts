/**
 * Messages of the panels, sound and broken, to the extension's hosts of the Kernels, Model, Module, Plan and Circuit webviews and of the workbench,
 * with a played extension around them. Scripts of the package alone can send any, so a broken one is a fault of ours: it may be
 * reported as one, but nothing may be thrown, hang or end the extension host.
 */
import { readFileSync } from 'node:fs';
import { PanelDevicesDouble } from '../../support/device/panel-devices';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { WorkbenchHost } from '../../../extension/panels/workbench/host';
import { analysisRun } from '../../../extension/panels/workbench/run';
import { KernelsHost } from '../../../extension/panels/kernels/host';
import { benchmarkRun } from '../../../extension/panels/kernels/run';
import { ModelHost } from '../../../extension/panels/model/host';
import { ModuleFileHost } from '../../../extension/panels/module/host';
import { CircuitFileHost } from '../../../extension/panels/circuit/host';
import { PlanFileHost } from '../../../extension/panels/plan/host';
import { parseModule } from '../../../extension/results/module-words';
import type { AnalysisSetup } from '../../../protocol/analysis/schema';
import { resultOfHeads } from '../../../protocol/results/earlier/heads';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { FromKernelsPanel } from '../../../protocol/panels/kernels-schema';
import type { FromModelPanel } from '../../../protocol/panels/model-schema';
import type { FromModulePanel } from '../../../protocol/panels/module-schema';
import type { FromCircuitPanel } from '../../../protocol/panels/circuit-schema';
import type { FromPlanPanel } from '../../../protocol/panels/plan-schema';
import type { ServingQuestion } from '../../../protocol/language/serving';
import { parseCircuit } from '../../../protocol/circuits/circuit-file';
import { parsePlan } from '../../../protocol/plans/plan-file';
import { mutateTree, Random } from '../../support/fuzz/random';
import type { Outcome, Subject } from '../../support/fuzz/subject';
import { facts, headsResult, mechanism, modelSummary, plan, result, row } from '../../unit/extension/samples';

const folder = '/models/tiny';
const interventions: readonly Intervention[] = [
  { kind: 'gain', layer: 1, head: 0, gain: 0 },
  { kind: 'head', layer: 0, head: 1, positions: { start: 1, end: 3 }, source: { from: 'prompt', prompt: 'b a' } },
];
const setup: AnalysisSetup = {
  analysis: 'heads',
  folder,
  input: { kind: 'prompt', prompt: { kind: 'text', text: 'a b' } },
  parameters: { causal: true },
  interventions,
  seed: 0,
};
const servingQuestion: ServingQuestion = {
  device: 'h100-sxm',
  batch: 4,
  context: 2048,
  weightBits: 'stored',
  cacheBits: '8',
  tensorParallel: 2,
};
const tile = { layer: 0, head: 1, rowStart: 0, rowCount: 1, columnStart: 0, columnCount: 1, outRows: 1, outColumns: 1 };
const axis = { size: 16, window: 5, stride: 1, dilation: 1, causal: false, queryTile: 4, keyTile: 4 };
const { pattern, heads, kvHeads, headDim, valueDim } = plan().shape;
const viewShape = { pattern, heads, kvHeads, headDim, valueDim };
const file = { kind: 'export', format: 'csv', name: 'a.csv', data: 'a,b' };

const circuitFile = readFileSync('test/fixtures/results/names.headscope-circuit.json', 'utf8');
const planFile = readFileSync('test/fixtures/results/razor.headscope-plan.json', 'utf8');

const bare = <const K extends string>(...kinds: readonly K[]) => kinds.map((kind) => ({ kind }));

interface Messages {
  readonly kernels: readonly FromKernelsPanel[];
  readonly workbench: readonly FromWorkbench[];
  readonly model: readonly FromModelPanel[];
  readonly module: readonly FromModulePanel[];
  readonly plan: readonly FromPlanPanel[];
  readonly circuit: readonly FromCircuitPanel[];
}

const messages: Messages = {
  kernels: [
    { kind: 'planned', plan: plan() },
    { kind: 'run', plan: plan({ done: [row('fused', 512, { maxError: Infinity })] }) },
    { kind: 'openFull', plan: plan() },
    { kind: 'refreshDevices' },
    {
      kind: 'mechanismView',
      request: {
        mechanism: 'fused',
        parameters: {},
        shape: viewShape,
        length: 'fitting',
        head: 'any',
        effective: false,
        seed: 0,
        lengths: [64],
      },
    },
    { kind: 'neighborhoodBound', request: { axes: [axis], tiling: 'static', attentionShare: 0.5, sparseSteps: 1 } },
    { kind: 'openLink', url: 'https://arxiv.org/abs/1' },
    ...bare('cancel', 'save', 'compare', 'stopComparing'),
  ],
  workbench: [
    { kind: 'planned', plan: setup },
    { kind: 'run', plan: setup },
    { kind: 'estimate', request: 9, plan: setup },
    { kind: 'ask', request: 10, question: { section: 'heads', place: { kind: 'head', layer: 0, head: 1 } } },
    { kind: 'chooseModel', folder, device: 'webgpu' },
    { kind: 'refreshDevices' },
    { kind: 'tokenise', request: 1, folder, prompt: { kind: 'text', text: 'a' } },
    { kind: 'tile', request: 2, ...tile },
    { kind: 'row', request: 3, layer: 0, head: 1, query: 0 },
    { kind: 'nextTokens', request: 4, interventions },
    { kind: 'generate', request: 5, interventions, maxNewTokens: 4, temperature: 0, topP: 1, seed: 0 },
    { kind: 'explainWeight', layer: 1, head: 0, query: 2, key: 1 },
    { kind: 'saveIntervention', interventions },
    { kind: 'saveOffer', offer: { title: 'a', description: 'b', interventions }, where: 'file' },
    { kind: 'removeHeads', prompt: 0 },
    { kind: 'openFull', plan: setup, select: { layer: 0, head: 1 } },
    ...bare('loadModel', 'browseModel', 'cancel', 'stopGenerating', 'loadIntervention', 'chooseVector', 'applyPlan'),
    ...bare('saveLabels', 'save', 'compare'),
  ],
  model: [
    ...bare('openFile', 'showProblems', 'benchmark', 'showHeads', 'openFull', 'compare').map(({ kind }) => ({
      kind,
      uri: 'file:///c',
    })),
    ...bare('compare', 'swap', 'choose', 'openExample', 'retry'),
    { kind: 'serving', uri: 'file:///c', question: servingQuestion },
  ],
  module: [...bare('compare', 'stopComparing'), { kind: 'copy', text: 'a' }],
  circuit: [
    { kind: 'move', places: [{ id: 'L1H0', x: 3, y: -4 }] },
    { kind: 'rename', id: 'group-1', name: 'a' },
    { kind: 'note', id: 'L1H0', note: 'a' },
    { kind: 'pin', ids: ['L1H0'], pinned: true },
    { kind: 'group', ids: ['L0H1', 'L1H0'] },
    { kind: 'ungroup', ids: ['group-1'] },
    { kind: 'open', id: 'group-1', open: true },
    ...bare('settle', 'undo', 'redo', 'openText', 'runAgain', 'update', 'compare', 'stopComparing'),
  ],
  plan: [
    { kind: 'paint', heads: [{ layer: 1, head: 0, keep: { kind: 'recent', sinks: 4, recent: 8 } }] },
    { kind: 'retitle', title: 'a' },
    { kind: 'write', format: 'table' },
    ...bare('undo', 'redo', 'openText', 'showHeads', 'evaluate', 'compare', 'stopComparing'),
  ],
};

interface Input {
  readonly panel: keyof Messages;
  readonly messages: readonly unknown[];
}

/** What came back of a host: messages and calls to the extension around it, and the last failure that it reported. */
interface Told {
  count: number;
  report: string | undefined;
}

/** Each function that is not named resolves to what the samples have for it, or to nothing; what it was asked is counted. */
function played(named: Readonly<Record<string, unknown>>, told: Told): never {
  const always: Readonly<Record<string, unknown>> = {
    report: (sentence: string) => {
      told.report = sentence;
    },
    mayRun: () => true,
    serverIsUp: () => true,
    demo: { folder, label: 'demo', family: 'llama', runs: true },
    keepSetup: () => {},
    keepDraft: () => {},
    openFull: () => {},
    headscope: '1.2.3',
    nameOf: (uri: string) => uri,
    ...named,
  };
  return new Proxy(always, {
    get(target, name) {
      if (typeof name !== 'string' || name === 'then') return undefined;
      if (Object.hasOwn(target, name)) return target[name];
      if (name.startsWith('on')) return () => ({ dispose: () => {} });
      return (): Promise<unknown> => {
        told.count++;
        return Promise.resolve(answers[name]);
      };
    },
  }) as never;
}

const shown = resultOfHeads(headsResult());
const answers: Readonly<Record<string, unknown>> = {
  mechanisms: [mechanism('fused')],
  devices: [],
  supports: [],
  shapes: [],
  models: [],
  benchmark: result(),
  stopped: result(),
  analysis: shown,
  askAnalysis: { kind: 'text', id: 'a', title: 'a', paragraphs: [] },
  openModel: modelSummary({ hash: headsResult().model.hash }),
  tokenise: { ids: [1], tokens: ['a'] },
  promptForPictures: { ids: [1], tokens: ['a'] },
  headTile: { ...tile, data: new Float32Array(1) },
  headRow: new Float32Array(1),
  nextTokens: [],
  describe: { label: 'c', path: 'c', facts: facts() },
  actions: { benchmark: true },
  save: 'saved here',
};

interface Host {
  receive(message: unknown): unknown;
  dispose(): void;
}

function hostOf(panel: string, told: Told): Host {
  const send = (): void => void told.count++;
  const server = played({}, told);
  switch (panel) {
    case 'kernels':
      return new KernelsHost('full', played({ run: benchmarkRun(server), server, plan: () => plan() }, told), send, {
        shown: result(),
      });
    case 'workbench': {
      const services = {
        run: analysisRun(server),
        server,
        devices: new PanelDevicesDouble(),
        plan: () => setup,
        catalogue: [],
        tasks: [],
      };
      return new WorkbenchHost('side', played(services, told), send, { shown });
    }
    case 'module':
      return new ModuleFileHost({ name: 'run', read: () => parseModule('{}') }, played({}, told), send);
    case 'circuit': {
      const write = (): Promise<void> => Promise.resolve();
      const file = { name: 'circuit', uri: 'file:///c', read: () => parseCircuit(circuitFile), write };
      return new CircuitFileHost(file, played({}, told), send);
    }
    case 'plan': {
      const write = (): Promise<void> => Promise.resolve();
      const file = { name: 'plan', uri: 'file:///p', read: () => parsePlan(planFile), write };
      return new PlanFileHost(file, played({ headscope: '0.1.0', now: () => '2026' }, told), send);
    }
    default:
      return new ModelHost(played({}, told), send);
  }
}

async function ask({ panel, messages: sent }: Input): Promise<Outcome> {
  const told: Told = { count: 0, report: undefined };
  const host = hostOf(panel, told);
  await host.receive({ kind: 'ready' });
  for (const message of sent) await host.receive(message);
  // What was begun and not waited for has ended too: a rejection that nobody takes ends the process.
  await new Promise((resolve) => setImmediate(resolve));
  host.dispose();
  if (told.report === undefined) return { value: { told: told.count } };
  if (told.report === '') throw new Error('an empty sentence was reported');
  return { refusal: 'It was reported.' };
}

export const subject: Subject<Input> = {
  counts: { tier: 400, full: 2000 },
  least: { values: 0.3, refusals: 0.02 },
  make(seed) {
    const random = new Random(seed);
    const panel = random.pick(Object.keys(messages) as (keyof Messages)[]);
    return {
      panel,
      messages: Array.from({ length: random.whole(1, 4) }, () => {
        const message = random.pick([...messages[panel], file, { kind: 'copy', text: 'a' }, { kind: 'unheard' }]);
        return random.chance(0.3) ? mutateTree(random, message, 2) : message;
      }),
    };
  },
  run: ask,
};
