import { PanelDevicesDouble } from '../../support/device/panel-devices';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import type {
  CaptionTimeRequest,
  HallucinationRequest,
  HallucinationSetRequest,
} from '../../../protocol/compute/hallucination-requests';
import type { HallucinationSetup } from '../../../protocol/panels/hallucination-schema';
import type { ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import type { ModelCard } from '../../../protocol/panels/workbench';
import { FailureError } from '../../../protocol/wire/failures';
import {
  demoSetup,
  setupOfSaved,
  setupToStore,
  storedSetup,
} from '../../../extension/panels/hallucination/default-setup';
import { HallucinationHost, type HallucinationServices } from '../../../extension/panels/hallucination/host';
import {
  besideImage,
  imageEndings,
  parseTruth,
  readImageFolder,
  readLexicon,
} from '../../../extension/panels/image-folder';
import { mapRequestOf, measureOf, requestOf, setRequestOf } from '../../../extension/panels/hallucination/requests';
import {
  hallucinationRun,
  type HallucinationRun,
  type HallucinationRunServices,
} from '../../../extension/panels/hallucination/run';
import { hallucinationText, parseHallucination } from '../../../extension/results/hallucination-file';
import { hallucinationFileName, hallucinationLines } from '../../../extension/results/hallucination-words';
import {
  entries,
  image,
  picture,
  plain,
  reinforced,
  result,
  set,
  summary,
} from '../../browser/workbench/planted-result';
import { plan } from '../../browser/hallucination/hallucination-host';

describe('saved results of pictures', () => {
  it('are read back as they were written', () => {
    for (const saved of [{ ...result, variants: [reinforced] }, set]) {
      const parsed = parseHallucination(hallucinationText(saved));
      assert.ok(parsed.ok, parsed.ok ? '' : parsed.why);
      assert.deepEqual(parsed.result, saved);
    }
  });

  it('name the place of what is wrong', () => {
    const why = (change: object): string => {
      const parsed = parseHallucination(JSON.stringify({ ...result, ...change }));
      return parsed.ok ? 'ok' : parsed.why;
    };
    assert.equal(why({}), 'ok');
    assert.match(why({ vhd: [[1]] }), /^vhd is not a list of 6 layers/);
    assert.match(why({ distance: 'manhattan' }), /^distance is not one of l2/);
    assert.match(why({ caption: { ...plain, tokens: [{ text: 1 }] } }), /^caption\.tokens\[0\]/);
    assert.match(why({ image: { ...picture.image, tiles: [] } }), /^image\.tiles/);
    assert.match(why({ version: 2 }), /update Headscope/);
    assert.match(why({ kind: 'headscope-heads' }), /kind is not/);
    assert.equal(parseHallucination('').ok, false);
  });

  it('name what is wrong with a change, a sample or a rendered prompt', () => {
    const why = (change: object): string => {
      const parsed = parseHallucination(JSON.stringify({ ...set, ...change }));
      return parsed.ok ? 'ok' : parsed.why;
    };
    assert.equal(why({}), 'ok');
    const [first] = set.variants;
    assert.match(
      why({ variants: [{ ...first, change: { pictures: 1, onlyPlain: 0, onlyReinforced: 0, chairS: 3 } }] }),
      /^variants\[0\]\.change\.chairS/,
    );
    assert.match(why({ variants: [{ ...first, change: null }] }), /^variants\[0\]\.change/);
    assert.match(why({ sample: { count: 2 } }), /^sample\.seed/);
    assert.match(why({ chatPrompt: 'USER' }), /^chatPrompt/);
  });

  it('are named by time, model and picture, and described by their numbers', () => {
    assert.match(
      hallucinationFileName(result),
      /^\d{4}-\d\d-\d\d-\d{6}-planted-vlm-ball-and-box\.headscope-hallucination\.json$/,
    );
    assert.match(hallucinationLines(result)[0]?.text ?? '', /^L3H2 4\.7/);
    assert.equal(hallucinationLines(set)[0]?.text, '41 %');
  });
});

describe('a folder of pictures', () => {
  const inFolder = async (files: Readonly<Record<string, string>>, act: (folder: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-pictures-'));
    try {
      for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
      await act(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it('says what is wrong with a truth or a lexicon, and how to write one', async () => {
    const why = (text: string): string => {
      const parsed = parseTruth(text);
      return parsed.ok ? 'ok' : parsed.why;
    };
    assert.match(why('{"a.png": "dog"}'), /^In the file, a\.png is not a list of texts\. Write \{/);
    assert.match(why('{'), /not valid JSON/);
    await inFolder({ 'lexicon.txt': 'dog, puppy', 'odd.json': '{"dog": 1}' }, async (folder) => {
      assert.deepEqual(await readLexicon(join(folder, 'lexicon.txt')), {
        classes: { dog: ['puppy'] },
        publishedNames: true,
      });
      await assert.rejects(readLexicon(join(folder, 'odd.json')), /^Error: odd\.json cannot be used.*class, synonym/);
      assert.equal(await readLexicon(''), undefined);
    });
  });

  it('has captions by people among its truth, and pictures of no format that is not decoded', async () => {
    assert.deepEqual(imageEndings, ['png', 'jpg', 'jpeg']);
    const truth = '{"a.png": {"objects": ["dog"], "captions": ["a cat"]}, "b.webp": ["dog"]}';
    await inFolder({ 'a.png': '', 'b.webp': '', 'truth.json': truth }, async (folder) => {
      const { images, lexicon, shown } = await readImageFolder(folder);
      assert.deepEqual(images, [{ path: join(folder, 'a.png'), truth: ['dog'], references: ['a cat'] }]);
      assert.deepEqual([lexicon, shown.note], ['', undefined]);
      assert.deepEqual(await besideImage(join(folder, 'a.png')), {
        truth: ['dog'],
        references: ['a cat'],
        lexicon: '',
      });
    });
  });

  it('takes the pictures that have a truth, in the order of their numbers, and says what is left out', async () => {
    await inFolder(
      {
        'scene-10.png': '',
        'scene-2.png': '',
        'other.jpg': '',
        'truth.json': '{"scene-10.png": ["a"], "scene-2.png": ["b"]}',
        'lexicon.txt': 'a',
      },
      async (folder) => {
        const { images, shown, lexicon } = await readImageFolder(folder);
        assert.deepEqual(
          images.map(({ path, truth }) => [path, truth]),
          [
            [join(folder, 'scene-2.png'), ['b']],
            [join(folder, 'scene-10.png'), ['a']],
          ],
        );
        assert.deepEqual(shown, { folder, images: 2, note: '1 more have none and are left out.' });
        assert.equal(lexicon, join(folder, 'lexicon.txt'));
        assert.deepEqual(await besideImage(join(folder, 'scene-10.png')), { truth: ['a'], lexicon });
        assert.deepEqual(await besideImage(join(folder, 'other.jpg')), { lexicon });
      },
    );
  });

  it('says why it has none', async () => {
    await inFolder({ 'a.png': '' }, async (folder) => {
      assert.match((await readImageFolder(folder)).shown.note ?? '', /no truth\.json/);
      assert.match((await readImageFolder(join(folder, 'gone'))).shown.note ?? '', /cannot be read/);
    });
  });
});

describe('plans of the Hallucination panel', () => {
  it('survive an update of the extension, whose folder moves', () => {
    const demo = demoSetup({
      folder: '/ext-1/examples/models/demo-vlm',
      scenes: '/ext-1/examples/pictures/scenes',
      image: '/ext-1/examples/pictures/scenes/a.png',
      truth: ['cup'],
    });
    const stored: unknown = JSON.parse(JSON.stringify(setupToStore(demo, '/ext-1')));
    assert.deepEqual(storedSetup(stored, '/ext-2'), JSON.parse(JSON.stringify(demo).replaceAll('/ext-1', '/ext-2')));
    assert.equal(storedSetup({ ...plan, mode: 'video' }, '/x'), undefined);
    assert.equal(storedSetup({ ...plan, span: [1] }, '/x'), undefined);
    assert.equal(storedSetup({ ...plan, reinforcedOutliers: 'median' }, '/x'), undefined);
    assert.equal(storedSetup(undefined, '/x'), undefined);
    const { reinforcedOutliers: _, chat: _chat, ...older } = plan;
    assert.deepEqual(storedSetup(older, '/x'), plan, 'of a version before reinforcement had a rule of its own');
  });

  it('are made of a saved result', () => {
    const from = setupOfSaved(result, { ...plan, folder: '/other', image: '', truth: null });
    assert.deepEqual(from, { ...plan, folder: summary.folder, interventions: [] });
    const ofSet = setupOfSaved(set, plan);
    assert.equal(ofSet.mode, 'set');
    assert.equal(ofSet.setCaptions, 'controls');
  });

  it('hold a cache plan in both passes, in what is asked about the result, and in the plan that made it', () => {
    const rules = [{ heads: [{ layer: 0, head: 'all' }], keep: { kind: 'recent', sinks: 1, recent: 4 } }] as const;
    const interventions = [{ kind: 'plan', rules }] as const;
    assert.deepEqual(requestOf({ ...plan, interventions }).interventions, interventions);
    assert.equal('interventions' in requestOf(plan), false);
    const under = { ...result, settings: { ...result.settings, interventions } };
    assert.deepEqual(measureOf(under).interventions, interventions);
    assert.deepEqual(
      mapRequestOf(under, { kind: 'map', request: 1, step: 0, variant: null, heads: [] }).interventions,
      [...interventions],
    );
    assert.deepEqual(setupOfSaved(under, plan).interventions, interventions);
    const strange = { ...result, settings: { interventions: [{ kind: 'plan' }] } };
    assert.equal('interventions' in measureOf(strange), false);
  });

  it('become requests', () => {
    assert.deepEqual(requestOf(plan).prompt, { kind: 'text', text: plan.prompt, image: plan.image });
    assert.deepEqual(requestOf(plan).removed, { kind: 'image' });
    assert.equal('k' in requestOf(plan), false);
    const span = requestOf({ ...plan, mode: 'span', span: [2, 5] });
    assert.deepEqual(span.removed, { kind: 'span', start: 2, end: 5 });
    assert.deepEqual(span.prompt, { kind: 'text', text: plan.prompt });
    const images = [1, 2, 3].map((at) => ({ path: `/p/${at}.png`, truth: [] }));
    const ofSet = setRequestOf({ ...plan, mode: 'set', mostImages: 2, setCaptions: 'controls' }, images, undefined, []);
    // The compute server draws them: one rule for the panel and the command line.
    assert.equal(ofSet.images.length, 3);
    assert.deepEqual(ofSet.sample, { count: 2, seed: plan.seed });
    assert.equal(setRequestOf({ ...plan, mode: 'set', mostImages: null }, images, undefined, []).sample, undefined);
    assert.deepEqual(
      ofSet.reinforcements.map(({ heads, normMatched }) => [heads, normMatched]),
      [
        ['selected', false],
        ['random', false],
        ['selected', true],
      ],
    );
    const chat = requestOf({ ...plan, prompt: 'Describe it.', chat: true });
    assert.deepEqual(chat.prompt, { kind: 'text', text: 'Describe it.', chat: true, image: plan.image });
    const ofChat = { ...result, prompt: 'Describe it.', settings: { chat: true } };
    assert.deepEqual(measureOf(ofChat).prompt, { kind: 'text', text: 'Describe it.', chat: true, image: image.path });
    assert.equal(setupOfSaved(ofChat, plan).chat, true);
    const own = setRequestOf({ ...plan, mode: 'set', reinforcedOutliers: 'off' }, images, undefined, []);
    assert.deepEqual([own.outliers, own.reinforcements[0]?.outliers], ['paper', 'off']);
    const map = mapRequestOf(
      { ...result, variants: [{ ...reinforced, gains: [{ layer: 3, head: 2, gain: 2 }] }] },
      { kind: 'map', request: 1, step: 2, variant: 0, heads: [{ layer: 3, head: 2 }] },
    );
    assert.deepEqual(
      map.generated,
      reinforced.tokens.slice(0, 2).map(({ id }) => id),
    );
    assert.deepEqual(map.interventions, [{ kind: 'gain', layer: 3, head: 2, gain: 2 }]);
    assert.equal(map.span, undefined, 'the rows of the picture');
    const { image: _image, ...ofText } = result;
    const overSpan = mapRequestOf(
      { ...ofText, removed: { kind: 'span', start: 2, end: 5 } },
      { kind: 'map', request: 1, step: 0, variant: null, heads: [{ layer: 3, head: 2 }] },
    );
    assert.deepEqual(overSpan.span, { start: 2, end: 5 });
  });
});

describe('the run on pictures and its webviews', () => {
  const runServices = (change: Partial<HallucinationRunServices> = {}): HallucinationRunServices => ({
    hallucination: (_request, _signal, onProgress) => {
      const { vhd, textEnergy, outlier, selected } = result;
      onProgress({ kind: 'firstStep', vhd, textEnergy, outlier, selected });
      onProgress({ kind: 'token', index: 0, token: plain.tokens[0]! });
      return Promise.resolve(result);
    },
    hallucinationSet: () => Promise.resolve(set),
    images: (folder) => Promise.resolve({ shown: { folder, images: 1 }, images: [{ path: '/p/1.png', truth: ['a'] }] }),
    besideImage: () => Promise.resolve({}),
    lexicon: () => Promise.resolve(undefined),
    keep: () => Promise.resolve(undefined),
    ...change,
  });

  function played(
    run: HallucinationRun,
    change: Partial<HallucinationServices> = {},
    place: 'full' | 'file' | 'side' = 'full',
  ) {
    const sent: ToHallucinationPanel[] = [];
    const reported: string[] = [];
    let kept: HallucinationSetup = plan;
    const services: HallucinationServices = {
      run,
      openModel: () => Promise.resolve(summary),
      devices: new PanelDevicesDouble(),
      server: {
        openImage: () => Promise.resolve(picture),
        tokenise: () => Promise.resolve({ ids: [1], tokens: ['a'] }),
        promptForPictures: () => Promise.resolve({ ids: [1], tokens: ['a'] }),
        captionTime: () => Promise.resolve({ encodeSeconds: 1, textSeconds: 2 }),
        imageMap: () => Promise.resolve(new Float32Array(49)),
        divergenceAt: () => Promise.resolve({ ...result, step: 1 }),
        reinforce: (_request, _reinforcement, _signal, onProgress) => {
          onProgress({ kind: 'token', index: 0, token: reinforced.tokens[0]! });
          return Promise.resolve(reinforced);
        },
      },
      mayRun: () => true,
      demo: { folder: summary.folder, label: 'demo', family: 'llava', runs: true },
      models: () => Promise.resolve([]),
      onModels: () => ({ dispose: () => undefined }),
      serverIsUp: () => true,
      plan: () => kept,
      keepSetup: (changed) => (kept = changed),
      openFull: () => undefined,
      browse: () => Promise.resolve(undefined),
      showPage: () => Promise.resolve(),
      browseImage: () => Promise.resolve('/pictures/new.png'),
      browseImages: () => Promise.resolve(undefined),
      browseLexicon: () => Promise.resolve(undefined),
      choosePlan: () => Promise.resolve(undefined),
      images: (folder) => Promise.resolve({ shown: { folder, images: 0 }, images: [] }),
      besideImage: () => Promise.resolve({ truth: ['cup'], lexicon: '/pictures/lexicon.txt' }),
      lexicon: () => Promise.resolve(undefined),
      card: () => Promise.resolve(undefined),
      openCard: () => Promise.resolve(),
      pictureOf: () => Promise.resolve(picture),
      save: () => Promise.resolve('saved here'),
      export: () => Promise.resolve(undefined),
      chooseOther: () => Promise.resolve(undefined),
      copy: () => Promise.resolve(undefined),
      report: (sentence) => reported.push(sentence),
      ...change,
    };
    const host = new HallucinationHost(place, services, (message) => sent.push(message));
    const kinds = (): readonly string[] => sent.map(({ kind }) => kind);
    return { host, services, sent, kinds, reported, plan: () => kept };
  }

  it('tells every webview the same, and a later one what it missed', async () => {
    const run = hallucinationRun(runServices());
    const one = played(run);
    await one.host.receive({ kind: 'ready' });
    await one.host.receive({ kind: 'run', plan, resume: false });
    assert.deepEqual(one.kinds().slice(-3), ['firstStep', 'token', 'result']);
    const later = played(run);
    await later.host.receive({ kind: 'ready' });
    const opening = later.sent.find((message) => message.kind === 'open');
    assert.equal(opening?.result?.created, result.created);
    assert.ok(later.kinds().includes('picture'), 'the picture of the result, from its file');
  });

  it('leaves the result before a refused run in place, in webviews that were open and in those that come later', async () => {
    let runs = 0;
    const run = hallucinationRun(
      runServices({
        hallucination: () =>
          runs++ === 0
            ? Promise.resolve(result)
            : Promise.reject(new FailureError({ code: 'compute-restarted', detail: '' })),
      }),
    );
    const [one, other] = [played(run), played(run)];
    for (const { host } of [one, other]) await host.receive({ kind: 'ready' });
    await one.host.receive({ kind: 'run', plan, resume: false });
    await one.host.receive({ kind: 'run', plan: { ...plan, image: '/pictures/new.png' }, resume: false });
    const later = played(run);
    await later.host.receive({ kind: 'ready' });
    for (const { sent, host } of [other, later]) {
      const opening = sent.findLast((message) => message.kind === 'open');
      assert.equal(opening?.result?.created, result.created);
      assert.ok(sent.findLastIndex(({ kind }) => kind === 'failed') > sent.indexOf(opening));
      assert.equal(host.result, result);
    }
    assert.equal(
      one.kinds().findLast((kind) => kind === 'open' || kind === 'failed'),
      'failed',
    );
  });

  it('times one picture of a folder before it is run, and opens the card of the model when it is asked to', async () => {
    const asked: CaptionTimeRequest[] = [];
    const opened: ModelCard[] = [];
    const card: ModelCard = { folder: summary.folder, reinforcement: { line: 7, heading: 'Does it help?' } };
    const run = hallucinationRun(runServices());
    const { server } = played(run).services;
    const { host, sent } = played(run, {
      server: {
        ...server,
        captionTime: (request) => {
          asked.push(request);
          return Promise.resolve({ encodeSeconds: 1, textSeconds: 2 });
        },
      },
      images: (folder) =>
        Promise.resolve({ shown: { folder, images: 1 }, images: [{ path: `${folder}/a.png`, truth: ['dog'] }] }),
      card: (folder) => Promise.resolve(folder === summary.folder ? card : undefined),
      openCard: (one) => {
        opened.push(one);
        return Promise.resolve();
      },
    });
    await host.receive({ kind: 'ready' });
    await host.receive({
      kind: 'folderTime',
      request: 4,
      plan: { ...plan, mode: 'set', setCaptions: 'controls', maxNewTokens: 9 },
    });
    await host.receive({ kind: 'card', folder: summary.folder });
    await host.receive({ kind: 'card', folder: '/elsewhere' });
    assert.deepEqual(opened, [], 'nothing is opened before a click');
    await host.receive({ kind: 'openCard', folder: summary.folder });
    assert.deepEqual(opened, [card]);
    const cards = sent.filter((message) => message.kind === 'card');
    assert.deepEqual(cards, [
      { kind: 'card', folder: summary.folder, card },
      { kind: 'card', folder: '/elsewhere' },
    ]);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(
      sent.filter(({ kind }) => kind === 'folderTime'),
      [{ kind: 'folderTime', request: 4, time: { encodeSeconds: 1, textSeconds: 2 } }],
    );
    assert.deepEqual(
      asked.map(({ image, reinforced: texts, maxNewTokens, measured }) => [image, texts, maxNewTokens, measured]),
      [[`${plan.images}/a.png`, 3, 9, true]],
    );
  });

  it('counts what captions beside the picture name, and only where words are judged', async () => {
    const asked: HallucinationRequest[] = [];
    const services = runServices({
      besideImage: (path) => Promise.resolve({ references: [`a cat in ${path}`] }),
      hallucination: (request) => {
        asked.push(request);
        return Promise.resolve({ ...result, ...(request.references ? { references: request.references } : {}) });
      },
    });
    const run = hallucinationRun(services);
    const reinforced: HallucinationRequest[] = [];
    const { host } = played(run, {
      server: {
        ...played(run).services.server,
        reinforce: (request) => {
          reinforced.push(request);
          return Promise.reject(new Error('enough'));
        },
      },
    });
    await host.receive({ kind: 'ready' });
    await host.receive({ kind: 'run', plan: { ...plan, mode: 'image', truth: ['dog'] }, resume: false });
    await host.receive({
      kind: 'reinforce',
      request: 1,
      reinforcement: {
        alpha: 1,
        outliers: 'off',
        heads: 'selected',
        normMatched: false,
        executor: 'in-graph',
        seed: 0,
      },
    });
    await host.receive({ kind: 'run', plan: { ...plan, mode: 'image', truth: null }, resume: false });
    const captions = [`a cat in ${plan.image}`];
    assert.deepEqual(
      asked.map(({ references }) => references),
      [captions, undefined],
    );
    assert.deepEqual(
      reinforced.map(({ references }) => references),
      [captions],
    );
  });

  it('adds a caption to the result for all of them', async () => {
    const run = hallucinationRun(runServices());
    const [one, other] = [played(run), played(run)];
    for (const { host } of [one, other]) await host.receive({ kind: 'ready' });
    await one.host.receive({ kind: 'run', plan, resume: false });
    const { layers, distance: _distance, positions: _positions, ...asked } = reinforced.reinforcement!;
    await one.host.receive({ kind: 'reinforce', request: 9, reinforcement: { ...asked, layers } });
    assert.deepEqual(one.kinds().slice(-3), ['token', 'result', 'variant']);
    const last = other.sent.at(-1);
    assert.equal(last?.kind === 'result' && last.result.variants.length, 1);
  });

  it('goes on behind the pictures that were captioned', async () => {
    const requests: HallucinationSetRequest[] = [];
    const run = hallucinationRun(
      runServices({
        hallucinationSet: (request, _signal, onProgress) => {
          requests.push(request);
          if (requests.length > 1) return Promise.resolve(set);
          for (const entry of entries.slice(0, 4)) onProgress({ kind: 'entry', entry });
          return Promise.reject(new FailureError({ code: 'compute-restarted', detail: 'the process ended' }));
        },
      }),
    );
    const one = played(run);
    await one.host.receive({ kind: 'ready' });
    const ofSet = { ...plan, mode: 'set' } as const;
    await one.host.receive({ kind: 'run', plan: ofSet, resume: false });
    assert.equal(one.kinds().at(-1), 'failed');
    await one.host.receive({ kind: 'run', plan: ofSet, resume: true });
    assert.deepEqual(
      requests.map(({ done }) => done.length),
      [0, 4],
    );
    assert.equal(one.kinds().at(-1), 'set');
  });

  it('says that a folder has no picture with a truth, without asking the server', async () => {
    const run = hallucinationRun(
      runServices({
        images: (folder) =>
          Promise.resolve({ shown: { folder, images: 0, note: 'It has no truth.json.' }, images: [] }),
      }),
    );
    const one = played(run);
    await one.host.receive({ kind: 'ready' });
    await one.host.receive({ kind: 'run', plan: { ...plan, mode: 'set' }, resume: false });
    const last = one.sent.at(-1);
    assert.equal(
      last?.kind === 'failed' && last.sentence,
      'No picture in /pictures has known objects. It has no truth.json.',
    );
  });

  it('hands the bytes of a picture on as a plain Uint8Array, which alone reaches a webview whole', async () => {
    const one = played(hallucinationRun(runServices()));
    const { server } = one.services;
    Object.assign(server, { openImage: () => Promise.resolve({ ...picture, bytes: Buffer.from(picture.bytes) }) });
    await one.host.receive({ kind: 'ready' });
    await one.host.receive({
      kind: 'openImage',
      request: 4,
      folder: '/m',
      image: picture.image.path,
      prompt: '',
      chat: false,
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    const sent = one.sent.find((message) => message.kind === 'picture');
    assert.equal(sent?.kind === 'picture' && sent.picture.bytes.constructor, Uint8Array);
    assert.deepEqual(sent?.kind === 'picture' && sent.picture.bytes, picture.bytes);
  });

  it('takes truth and lexicon that lie beside a chosen picture', async () => {
    const one = played(hallucinationRun(runServices()));
    await one.host.receive({ kind: 'ready' });
    await one.host.receive({ kind: 'browseImage' });
    const { image, truth, lexicon, mode } = one.plan();
    assert.deepEqual([image, truth, lexicon, mode], ['/pictures/new.png', ['cup'], '/pictures/lexicon.txt', 'image']);
  });

  it('says that a picture chosen outside the form replaces what the form holds, once', async () => {
    const one = played(hallucinationRun(runServices()));
    const replaced = (): unknown => one.sent.findLast((message) => message.kind === 'open')?.replaces;
    await one.host.receive({ kind: 'ready' });
    assert.equal(replaced(), undefined);
    await one.host.receive({ kind: 'browseImage' });
    assert.equal(replaced(), true);
    await one.host.receive({ kind: 'ready' });
    assert.equal(replaced(), undefined, 'a reload keeps what was typed since');
    await one.host.show(plan, undefined);
    assert.equal(replaced(), true);
  });

  it('shows a second result beside the first until it is put away', async () => {
    const other = { name: 'another', made: { ...result, created: '2026-01-01T00:00:00.000Z' } };
    const asked: unknown[] = [];
    const one = played(hallucinationRun(runServices()), {
      chooseOther: (shown) => {
        asked.push(shown?.created);
        return Promise.resolve(other);
      },
    });
    const beside = (): unknown => one.sent.findLast((message) => message.kind === 'open')?.compareWith;
    await one.host.receive({ kind: 'ready' });
    await one.host.receive({ kind: 'run', plan, resume: false });
    await one.host.receive({ kind: 'compare' });
    assert.deepEqual([asked, beside()], [[result.created], other]);
    await one.host.receive({ kind: 'stopComparing' });
    await one.host.receive({ kind: 'ready' });
    assert.equal(beside(), undefined);
  });

  it('runs nothing in an untrusted workspace, and shows a saved result with its picture', async () => {
    const why = 'Not trusted.';
    const one = played(hallucinationRun(runServices()), { mayRun: () => why }, 'file');
    await one.host.receive({ kind: 'ready' });
    await one.host.receive({ kind: 'run', plan, resume: false });
    await one.host.receive({ kind: 'openImage', request: 3, folder: '/m', image: '/p', prompt: '', chat: false });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(
      one.sent.filter(({ kind }) => kind === 'failed').map((message) => message.kind === 'failed' && message.sentence),
      [why, why],
    );
  });

  it('answers nothing about a result whose model has changed since', async () => {
    const run = hallucinationRun(runServices());
    const one = played(run, {});
    await one.host.receive({ kind: 'ready' });
    await one.host.receive({ kind: 'run', plan, resume: false });
    const changed = played(run, {
      openModel: () => Promise.resolve({ ...summary, hash: 'other' }),
    });
    await changed.host.receive({ kind: 'ready' });
    await changed.host.receive({ kind: 'map', request: 5, step: 0, variant: null, heads: [{ layer: 0, head: 0 }] });
    await new Promise((resolve) => setTimeout(resolve, 5));
    const failed = changed.sent.find((message) => message.kind === 'failed');
    assert.match(failed?.kind === 'failed' ? failed.sentence : '', /not those that gave this result/);
  });
});
