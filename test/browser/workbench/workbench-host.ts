/** The extension's side of the workbench, played over planted results. */
import assert from 'node:assert/strict';
import { after, afterEach, before } from 'mocha';
import { untested } from '../../support/device/panel-devices';
import { PNG } from 'pngjs';
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { AnalysisResult, AnalysisSetup } from '../../../protocol/analysis/schema';
import type { Tokenised } from '../../../protocol/compute/models';
import type { PromptInput } from '../../../protocol/inputs/prompt';
import type { TaskInfo } from '../../../protocol/analysis/tasks';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import { setupOfAnalysis, type ToWorkbench } from '../../../protocol/panels/workbench';
import type { HistoryRow, WorkbenchTab } from '../../../protocol/panels/workbench-tabs';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { PanelBrowser, type OpenOptions, type PanelPage } from '../support/panel-page';
import { everySection, mapStory } from './stories';

export type Panel = PanelPage<ToWorkbench, FromWorkbench>;
export type WorkbenchBrowser = PanelBrowser<ToWorkbench, FromWorkbench>;
export const startBrowser = (): Promise<WorkbenchBrowser> => PanelBrowser.start('workbench');

/** Opens panels for the tests of a block: each is closed behind its test, and none may have complained. */
export function usePanels(): (options: OpenOptions<ToWorkbench, FromWorkbench>) => Promise<Panel> {
  let browser: WorkbenchBrowser;
  const opened: Panel[] = [];
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser.stop());
  afterEach(async () => {
    const panels = opened.splice(0);
    for (const panel of panels) await panel.close();
    assert.deepEqual(
      panels.flatMap(({ complaints }) => complaints),
      [],
    );
  });
  return async (options) => {
    const panel = await browser.open(options);
    opened.push(panel);
    return panel;
  };
}

export const retrieval: AnalysisInfo = {
  id: 'retrieval-heads',
  title: 'Retrieval heads',
  question: 'Which heads fetch a fact from far back?',
  group: 'retrieval',
  source: {
    reference: 'arXiv:2404.15574, section 2',
    trust: 'medium',
    note: 'The threshold of 0.5 is ours; the paper gives 0.1 for a score over many lengths.',
  },
  inputs: ['task'],
  parameters: {
    lengths: {
      kind: 'integer',
      title: 'Longest prompt',
      unit: 'tokens',
      description: 'The needle lies in prompts up to this long.',
      min: 128,
      max: 131072,
      default: 4096,
    },
    threshold: {
      kind: 'number',
      title: 'Threshold',
      description: 'A head with at least this score is a retrieval head.',
      min: 0,
      max: 1,
      default: 0.5,
    },
    removal: {
      kind: 'choice',
      title: 'Removal',
      description: 'What takes the place of the output of a head that is removed.',
      options: ['mean', 'zero', 'resample'],
      default: 'mean',
    },
    causal: { kind: 'boolean', title: 'Causal check', description: 'Also removes the heads.', default: true },
    needle: { kind: 'text', title: 'Needle', description: 'The sentence that is hidden.', default: 'The pass key is' },
    haystack: { kind: 'file', title: 'Haystack', description: 'A text file; empty: the built-in one.', default: '' },
    heads: { kind: 'heads', title: 'Heads', description: 'Only these; empty: all.', default: '' },
  },
};

export const pair: AnalysisInfo = {
  id: 'path-patching',
  title: 'Path patching',
  question: 'Which edges carry the difference of two prompts?',
  group: 'circuits',
  source: { reference: 'arXiv:2211.00593, section 3', trust: 'high' },
  inputs: ['prompt-pair'],
  parameters: {},
};

const others: readonly AnalysisInfo[] = (['prompt', 'corpus', 'image', 'image-set', 'none'] as const).map((input) => ({
  ...pair,
  id: `of-${input}`,
  title: `Reads ${input}`,
  group: 'patterns',
  inputs: [input],
}));

export const model: ModelSummary = {
  folder: '/models/gpt2',
  name: 'gpt2',
  family: 'gpt2',
  hash: '5f2a9c',
  layers: 12,
  heads: 12,
  kvHeads: 12,
  headDim: 64,
  hiddenSize: 768,
  vocabulary: 50257,
  contextLength: 1024,
  causal: true,
  weightBytes: 497_000_000,
  dtypes: ['float32'],
  windows: [],
  tokenizer: true,
  chatTemplate: false,
};

const passKey: TaskInfo = {
  id: 'pass-key',
  title: 'Pass key',
  metric: 'logit-difference',
  source: { reference: 'arXiv:2305.16300, section 4.2', trust: 'high' },
  parameters: {},
  roles: { query: 'the last position' },
  changed: 'query',
};
const needles: TaskInfo = {
  ...passKey,
  id: 'needles',
  title: 'Needles',
  parameters: {
    depths: { kind: 'integer', title: 'Depths', description: 'How many depths.', min: 1, max: 100, default: 5 },
    haystack: { kind: 'file', title: 'Haystack text', description: 'A text file.', default: '' },
  },
};

export const plan: AnalysisSetup = {
  analysis: 'retrieval-heads',
  folder: '/models/gpt2',
  input: { kind: 'task', task: 'pass-key', samples: 64 },
  parameters: { threshold: 0.5 },
  interventions: [{ kind: 'gain', layer: 2, head: 5, gain: 0 }],
  seed: 0,
};

export const result: AnalysisResult = {
  kind: 'headscope-analysis',
  version: 1,
  analysis: 'retrieval-heads',
  title: 'Retrieval heads',
  model,
  input: plan.input,
  prompts: [],
  parameters: plan.parameters,
  interventions: plan.interventions,
  finding:
    '6 of 144 heads look back at the pass key. Without the three strongest (L8H6, L9H9, L10H7) accuracy at 4,096 tokens falls from 97 % to 12 % (p < 0.001, 64 prompts).',
  result: { score: 1 },
  sections: everySection(),
  offers: [
    {
      title: 'Without the three retrieval heads',
      description: 'Sets the gain of L8H6, L9H9 and L10H7 to 0: the heads with the largest effect of removal.',
      interventions: [
        { kind: 'gain', layer: 8, head: 6, gain: 0 },
        { kind: 'gain', layer: 9, head: 9, gain: 0 },
        { kind: 'gain', layer: 10, head: 7, gain: 0 },
      ],
    },
  ],
  parity: { maxLogitError: 0.000_021, layerErrors: [0], ok: true },
  seconds: 83,
  headscope: '0.9.0',
  created: '2026-11-24T10:00:00.000Z',
  device: {
    id: 'cpu',
    provider: 'cpu',
    name: 'AMD EPYC',
    threads: 4,
    runtime: 'onnxruntime-node 1.30.0',
    platform: 'linux-x64',
  },
  settings: {},
  seed: 0,
};

export type OpenMessage = Extract<ToWorkbench, { kind: 'open' }>;

/** The tab of a result, as the extension sends it. */
export const tabOf = (made: AnalysisResult, change: Partial<WorkbenchTab> = {}): WorkbenchTab => ({
  id: 't1',
  setup: setupOfAnalysis(made),
  title: made.title,
  model: made.model.name,
  created: made.created,
  finding: made.finding,
  entry: 'aaaaaaaaaaaa',
  pinned: false,
  ...change,
});

/** In the full panel the result is a tab; without one the question of the plan is in front. */
const tabsOf = ({ place = 'full', result: made, tabs }: Partial<OpenMessage>): Partial<OpenMessage> => {
  if (place !== 'full' || tabs) return {};
  return made ? { tabs: { tabs: [tabOf(made)], active: 't1' } } : { tabs: { tabs: [] }, asks: 'question' };
};

export const openMessage = (change: Partial<OpenMessage> = {}): OpenMessage => ({
  kind: 'open',
  place: 'full',
  devices: untested,
  analyses: [retrieval, pair, ...others],
  tasks: [passKey, needles],
  models: [
    { folder: '/models/gpt2', label: 'gpt2', family: 'gpt2', runs: true },
    { folder: '/models/llama', label: 'llama', family: 'llama', runs: true },
  ],
  plan,
  model,
  canRun: true,
  ...tabsOf(change),
  ...change,
});

export const finished = (change: Partial<OpenMessage> = {}): OpenMessage =>
  openMessage({ result, savedAs: 'retrieval-gpt2.headscope-analysis.json', ...change });

/** Stripes and a disc, so that a picture is seen to lie under its values. */
export function pictureBytes(): Uint8Array {
  const picture = new PNG({ width: 448, height: 336 });
  for (let y = 0; y < 336; y += 1) {
    for (let x = 0; x < 448; x += 1) {
      const inside = Math.hypot(x - 290, y - 210) < 70;
      const stripe = Math.floor((x + y) / 28) % 2 === 0;
      picture.data.set(
        inside ? [196, 150, 96, 255] : stripe ? [86, 120, 82, 255] : [104, 142, 98, 255],
        (y * 448 + x) * 4,
      );
    }
  }
  return PNG.sync.write(picture);
}

/** A text as a tokenizer of whole words reads it. */
const inWords = (prompt: PromptInput): Tokenised => {
  const tokens = prompt.kind === 'text' ? (prompt.text.match(/ ?[^ ]+/gu) ?? []) : prompt.ids.map(String);
  return { tokens, ids: tokens.map((token) => [...token].reduce((sum, letter) => 31 * sum + letter.charCodeAt(0), 7)) };
};

/** Two earlier results; those whose model or prompt holds the words. */
const historyRows = (words: string): readonly HistoryRow[] =>
  [
    {
      id: 'bbbbbbbbbbbb',
      title: 'Ablation of heads and MLPs',
      question: 'Which heads and MLPs does the model need for this?',
      model: 'gpt2',
      input: 'The capital of France is',
      created: '2026-11-20T10:00:00.000Z',
      pinned: true,
    },
    {
      id: 'cccccccccccc',
      title: 'Retrieval heads',
      model: 'llama',
      input: 'pass-key',
      created: '2026-11-22T10:00:00.000Z',
      pinned: false,
    },
  ].filter(({ model: name, input }) => `${name} ${input}`.includes(words));

/** Answers what the panel asks; the test sends runs itself. Bytes do not cross into the page of a test: `sendPicture` does that. */
export const answering =
  (opening: OpenMessage = openMessage()) =>
  (message: FromWorkbench): readonly ToWorkbench[] => {
    if (message.kind === 'ready') return [opening];
    if (message.kind === 'estimate') {
      return [
        {
          kind: 'estimate',
          request: message.request,
          estimate: { supported: true, passes: 12, seconds: 130, bytes: 300_000_000 },
        },
      ];
    }
    if (message.kind === 'tokenisePair') {
      const { request, prompt, counterpart } = message;
      return [{ kind: 'pair', request, prompt: inWords(prompt), counterpart: inWords(counterpart) }];
    }
    if (message.kind === 'history')
      return [{ kind: 'history', request: message.request, rows: historyRows(message.words) }];
    if (message.kind === 'ask') {
      return [{ kind: 'answer', request: message.request, section: { ...mapStory(), id: `asked-${message.request}` } }];
    }
    return [];
  };

export const sendPicture = (panel: Panel, sha256: string): Promise<void> => sendBytes(panel, sha256, pictureBytes());

/** Playwright sends no typed arrays into a page as they are: the bytes are made there. */
export async function sendBytes(panel: Panel, sha256: string, picture: Uint8Array): Promise<void> {
  const base64 = Buffer.from(picture).toString('base64');
  await panel.page.evaluate(
    ([text, hash]) => {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      window.dispatchEvent(
        new MessageEvent('message', { data: { kind: 'picture', sha256: hash, mediaType: 'image/png', bytes } }),
      );
    },
    [base64, sha256] as const,
  );
}
