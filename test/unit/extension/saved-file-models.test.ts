/** A saved file may come from anyone: nothing that it names is opened before a click, and nothing on another machine at all. */
import { PanelDevicesDouble } from '../../support/device/panel-devices';
import assert from 'node:assert/strict';
import { WorkbenchHost } from '../../../extension/panels/workbench/host';
import { analysisRun } from '../../../extension/panels/workbench/run';
import type { WorkbenchServices } from '../../../extension/panels/workbench/services';
import { whyNotOpened } from '../../../extension/platform/local-path';
import {
  analysisText,
  parseAnalysis,
  type AnalysisResult,
  type AnalysisSetup,
} from '../../../protocol/analysis/schema';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import { resultOfHeads } from '../../../protocol/results/earlier/heads';
import { resultOfVhd } from '../../../protocol/results/earlier/vhd';
import type { ModelChoice } from '../../../protocol/panels/run-panel';
import { picture, result as visionResult } from '../../browser/workbench/planted-result';
import { headsResult, modelSummary } from './samples';

const demo: ModelChoice = { folder: '/extension/demo', label: 'demo', family: 'llama', runs: true };
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const remote = [
  '\\\\server\\share\\model',
  '//server/share/model',
  '\\/server/share',
  '/\\server\\share',
  '\\\\?\\UNC\\server\\share',
  'file://server/share/model',
  'FILE:///etc',
  'smb://server/share',
  'https://server/model',
  ' //server/share',
  '/run/user/1000/gvfs/smb-share:server=nas,share=models/tiny',
  '/home/me/../../run/user/1000/gvfs/sftp:host=nas/tiny',
  '/home/me/.gvfs/models on nas',
  '/net/nas/models',
  '/Network/Servers/nas/models',
];
const local = ['/models/tiny', '/home/me/net/tiny', 'C:\\models\\tiny', 'd:/models/tiny', '/models/a:b/tiny'];

/** Everything that a webview asks of its extension, by name; each names its first argument. */
const asking = (asked: string[]) =>
  new Proxy(
    {},
    {
      get:
        (_, name) =>
        (first: unknown): Promise<never> => {
          asked.push(`${String(name)} ${JSON.stringify(first)}`);
          return new Promise(() => undefined);
        },
    },
  );

function opened(folder: string, made?: AnalysisResult) {
  const asked: string[] = [];
  const sent: ToWorkbench[] = [];
  const full: string[] = [];
  const openModel = (path: string, _device?: string, _weights?: string, adapter?: string) => {
    asked.push(`openModel ${path}${adapter === undefined ? '' : ` with ${adapter}`}`);
    return Promise.resolve(modelSummary({ folder: path }));
  };
  const services = {
    run: analysisRun({
      analysis: ({ folder: path }) => {
        asked.push(`analysis ${path}`);
        return new Promise(() => undefined);
      },
      keep: () => Promise.resolve(),
    }),
    server: asking(asked),
    demo,
    mayRun: () => true,
    models: () => Promise.resolve([demo]),
    onModels: () => ({ dispose: () => undefined }),
    devices: new PanelDevicesDouble(),
    openModel,
    serverIsUp: () => true,
    plan: () => planAt(''),
    catalogue: [],
    tasks: [],
    keepSetup: () => undefined,
    openFull: (plan: { readonly folder: string }) => full.push(plan.folder),
    report: () => undefined,
    picture: ({ path }: { readonly path: string }) => {
      asked.push(`picture ${path}`);
      return Promise.resolve({ mediaType: picture.mime, bytes: picture.bytes });
    },
  } as unknown as WorkbenchServices;
  const text = analysisText(made ?? resultOfHeads(headsResult({ model: modelSummary({ folder }) })));
  const host = new WorkbenchHost('file', services, (message) => sent.push(message), {
    file: { name: 'mine', read: () => parseAnalysis(text) },
  });
  const opening = () => {
    const found = sent.findLast((message) => message.kind === 'open');
    assert.ok(found?.kind === 'open');
    return found;
  };
  return { host, asked, sent, full, opening };
}

/** All that a page of a saved file may ask of the model. */
const questions = (folder: string): readonly FromWorkbench[] => [
  {
    kind: 'tile',
    request: 1,
    layer: 0,
    head: 1,
    rowStart: 0,
    rowCount: 1,
    columnStart: 0,
    columnCount: 1,
    outRows: 1,
    outColumns: 1,
  },
  { kind: 'row', request: 2, layer: 0, head: 1, query: 1 },
  { kind: 'nextTokens', request: 3, interventions: [] },
  { kind: 'tokenise', request: 4, folder, prompt: { kind: 'text', text: 'a' } },
  { kind: 'generate', request: 5, interventions: [], maxNewTokens: 1, temperature: 0, topP: 1, seed: 0 },
  { kind: 'chooseModel', folder },
];
const planAt = (folder: string): AnalysisSetup => ({
  analysis: 'heads',
  folder,
  input: { kind: 'prompt', prompt: { kind: 'text', text: 'a' } },
  parameters: {},
  interventions: [],
  seed: 0,
});

describe('paths that a file names', () => {
  for (const path of remote) {
    it(`${path} is another machine`, () => assert.match(whyNotOpened(path) ?? '', /another machine/));
  }
  for (const path of local) it(`${path} is opened`, () => assert.equal(whyNotOpened(path), undefined));
  for (const path of ['models/tiny', '..', 'C:models'])
    it(`${path} is no whole path`, () => assert.match(whyNotOpened(path) ?? '', /not opened/));
});

describe('the model that a saved result names', () => {
  it('is asked nothing before a click, whatever the page asks; the panel says path and size', async () => {
    const { host, asked, sent, opening } = opened('/models/tiny');
    await host.receive({ kind: 'ready' });
    assert.deepEqual(opening().waiting, { folder: '/models/tiny', bytes: modelSummary().weightBytes });
    for (const question of questions('/models/tiny')) await host.receive(question);
    await settled();
    assert.deepEqual(asked, []);
    const failed = sent.filter(({ kind }) => kind === 'failed');
    assert.equal(failed.length, 6);
    for (const message of failed) assert.match(message.kind === 'failed' ? message.sentence : '', /Load it first/);
    await host.refresh();
    assert.deepEqual(asked, []);
  });

  it('is loaded by the click, and then asked', async () => {
    const { host, asked, opening } = opened('/models/tiny');
    await host.receive({ kind: 'ready' });
    await host.receive({ kind: 'loadModel' });
    assert.deepEqual(asked, ['openModel /models/tiny']);
    assert.equal(opening().waiting, undefined);
    const [tile] = questions('/models/tiny');
    assert.ok(tile);
    await host.receive(tile);
    await settled();
    assert.equal(asked.filter((one) => one.startsWith('headTile')).length, 1, asked.join());
  });

  for (const folder of remote) {
    it(`is never loaded from ${folder}, by a click neither, nor taken to the panel`, async () => {
      const { host, asked, sent, full, opening } = opened(folder);
      await host.receive({ kind: 'ready' });
      assert.match(opening().waiting?.refused ?? '', /another machine/);
      await host.receive({ kind: 'loadModel' });
      for (const question of questions(folder)) await host.receive(question);
      await host.receive({ kind: 'openFull', plan: planAt(folder) });
      await host.receive({ kind: 'run', plan: planAt(folder) });
      await settled();
      assert.deepEqual([asked, full], [[], []]);
      assert.ok(sent.some((message) => message.kind === 'notice' && /another machine/.test(message.sentence)));
    });
  }
});

describe('the adapter that a saved result names', () => {
  const of = (adapter: string) =>
    opened('/models/tiny', resultOfHeads(headsResult({ model: modelSummary({ folder: '/models/tiny', adapter }) })));
  const ask: FromWorkbench = {
    ...{ kind: 'ask', request: 1 },
    question: { section: 'heads', place: { kind: 'head', layer: 0, head: 0 } },
  };

  it('is put on its model, by the click', async () => {
    const { host, asked } = of('/models/mine');
    await host.receive({ kind: 'ready' });
    await host.receive({ kind: 'loadModel' });
    assert.deepEqual(asked, ['openModel /models/tiny with /models/mine']);
    const [tile] = questions('/models/tiny');
    assert.ok(tile);
    await host.receive(tile);
    await settled();
    assert.match(asked.find((one) => one.startsWith('headTile')) ?? '', /"adapter":"\/models\/mine"/);
  });

  for (const adapter of remote) {
    it(`is never opened from ${adapter}`, async () => {
      const { host, asked } = of(adapter);
      await host.receive({ kind: 'ready' });
      await host.receive({ kind: 'loadModel' });
      for (const question of [...questions('/models/tiny').slice(0, 5), ask]) await host.receive(question);
      await settled();
      assert.deepEqual(asked, []);
    });
  }
});

describe('the picture that a saved file of a divergence names', () => {
  const of = (path: string) => {
    const { model, image = picture.image } = visionResult;
    const made = resultOfVhd({ ...visionResult, model: { ...model, folder: path }, image: { ...image, path } });
    return { ...opened(path, made), sha256: image.sha256 };
  };

  it('is drawn where it lies on this machine, while nothing is asked of the model', async () => {
    const { host, asked, sent, sha256 } = of('/pictures/a.png');
    await host.receive({ kind: 'ready' });
    await host.receive({ kind: 'picture', path: '/pictures/a.png', sha256 });
    await host.receive({
      ...{ kind: 'ask', request: 1 },
      question: { section: 'heads', place: { kind: 'head', layer: 0, head: 0 } },
    });
    await settled();
    assert.deepEqual(asked, ['picture /pictures/a.png']);
    const drawn = sent.find((message) => message.kind === 'picture');
    // A Buffer reaches a webview as a table of numbers (VS Code 1.139 goes by the name of the class).
    assert.equal(drawn?.kind === 'picture' && drawn.bytes.constructor.name, 'Uint8Array');
  });

  it('is not looked for on another machine, nor where another file is named', async () => {
    for (const path of remote) {
      const { host, asked, sha256 } = of(path);
      await host.receive({ kind: 'ready' });
      await host.receive({ kind: 'picture', path, sha256 });
      await host.receive({ kind: 'picture', path: '/etc/passwd', sha256 });
      await settled();
      assert.deepEqual(asked, [], path);
    }
  });
});
