import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { headLinkOf } from '../../../extension/commands/head-link';
import {
  demoChoice,
  demoVisionChoice,
  distinctChoices,
  modelChoice,
  whyNotRun,
} from '../../../extension/models/model-choices';
import { realFolder } from '../../../extension/models/real-folder';
import { resultKinds } from '../../../extension/results/result-kinds';
import { interventionText, parseIntervention } from '../../../extension/results/intervention-file';
import { freeName, suffixOf, withoutSuffix } from '../../../extension/results/result-words';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { headLabelsFile } from '../../../protocol/results/head-labels';
import { writtenHeads, type WrittenHeads } from '../../../protocol/results/heads-schema';
import { readThumbnails, writtenThumbnails } from '../../../protocol/results/thumbnails';
import { parseJson } from '../../../protocol/schema/check';
import { facts, headsResult, modelSummary, thumbnails } from './samples';

const changed = (change: Record<string, unknown>): string => JSON.stringify({ ...headsResult(), ...change });

function read(text: string): WrittenHeads {
  const parsed = parseJson(writtenHeads, text);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.why);
  return parsed.result;
}

const whyNot = (text: string): string => {
  const parsed = parseJson(writtenHeads, text);
  assert.equal(parsed.ok, false, 'it was read');
  return parsed.ok ? '' : parsed.why;
};

describe('a saved result of heads', () => {
  it('reads back what was written, numbers that are none and pictures to the bit', () => {
    const { thumbnails: pictures, ...result } = read(changed({ thumbnails: writtenThumbnails(thumbnails()) }));
    assert.deepEqual(result, headsResult());
    assert.deepEqual(pictures && readThumbnails(pictures), thumbnails());
  });

  it('is read without pictures, as the command line writes it', () => {
    const parsed = read(JSON.stringify(headsResult()));
    assert.equal(parsed.thumbnails, undefined);
    assert.ok(Number.isNaN(parsed.statistics.induction[0]?.[0]));
  });

  it('keeps the causal check of a head, also one that gave no number', () => {
    const [head] = headsResult().classes;
    assert.ok(head);
    const classes = [
      { ...head, causal: { lossChange: 0.5, on: 'repeated', promptLossChange: 0.25 } },
      { ...head, null: { mean: 0, sd: 0, seeds: 6, floor: 0.001 }, causal: { lossChange: Number.NaN, on: 'repeated' } },
    ];
    const classAblations = [
      {
        label: 'induction' as const,
        heads: 2,
        lossChange: 9,
        on: 'repeated',
        promptLossChange: Number.NaN,
        alreadyOff: 1,
      },
    ];
    const parsed = read(JSON.stringify(headsResult({ classes, classAblations })));
    assert.deepEqual(parsed.classes, classes);
    assert.deepEqual(parsed.classAblations, classAblations);
    assert.match(
      whyNot(changed({ classAblations: [{ label: 'induction', heads: 0, lossChange: 1, on: '' }] })),
      /^classAblations\[0\]\.heads is not a positive whole number/,
    );
  });

  it('keeps the keys that the last query reads most', () => {
    const topKeys = [
      [[{ key: 2, weight: 0.75 }], []],
      [[], [{ key: 0, weight: 1 }]],
    ];
    const parsed = read(JSON.stringify(headsResult({ topKeys })));
    assert.deepEqual(parsed.topKeys, topKeys);
    const beyond = [
      [[{ key: 3, weight: 1 }], []],
      [[], []],
    ];
    assert.match(whyNot(changed({ topKeys: beyond })), /^topKeys\[0\]\[0\]\[0\]\.key is not a position from 0 to 2/);
  });

  it('keeps the scores behind the labels, also where nothing was measured', () => {
    const table = [
      [0.5, Number.NaN],
      [0, 1],
    ];
    const scores = { score: table, nullMean: table, nullSd: table, confidence: table };
    const labelScores = { self: scores, retrieval: { ...scores, nullSeeds: 6, nullFloor: 0.001, needed: table } };
    const parsed = read(JSON.stringify(headsResult({ labelScores })));
    assert.deepEqual(parsed.labelScores, labelScores);
    assert.match(whyNot(changed({ labelScores: { clever: scores } })), /^labelScores\.clever is not/);
    assert.match(
      whyNot(changed({ labelScores: { self: { ...scores, nullSd: [[1]] } } })),
      /^labelScores\.self\.nullSd is not a list of 2 layers/,
    );
  });

  it('is refused with the place that is wrong', () => {
    assert.equal(whyNot(''), 'The file is empty.');
    assert.match(whyNot('{'), /^The file is not valid JSON: /);
    assert.equal(whyNot('[]'), 'The file is not a JSON object.');
    assert.match(whyNot(changed({ kind: 'headscope-bench' })), /no saved result of heads/);
    assert.match(whyNot(changed({ version: 2 })), /update Headscope/);
    assert.match(whyNot(changed({ model: { ...modelSummary(), hash: 7 } })), /^model\.hash is not a text/);
    assert.match(whyNot(changed({ tokens: ['a'] })), /^tokens is not a list with one text for each id/);
    assert.match(whyNot(changed({ statistics: {} })), /^statistics\.previousToken is missing\./);
    assert.match(whyNot(changed({ layers: 1e9 })), /^layers is not a whole number from 1 to 1024/);
    assert.match(
      whyNot(changed({ interventions: [{ kind: 'gain', layer: 2, head: 0, gain: 0 }] })),
      /^gains\[0\]\.layer is not a layer/,
    );
    assert.match(whyNot(changed({ classes: [{ layer: 0, head: 0, label: 'clever' }] })), /^classes\[0\]\.label/);
    assert.match(
      whyNot(changed({ thumbnails: { size: 2, layers: 2, heads: 2, encoding: 'float32-base64', data: 'AAAA' } })),
      /^thumbnails\.data is not 16 numbers/,
    );
    assert.match(
      whyNot(changed({ thumbnails: { size: 1e6, layers: 2, heads: 2, encoding: 'float32-base64', data: '' } })),
      /^thumbnails\.size/,
    );
  });

  it('is refused where the notes of the model are no list: a panel that draws them would stay blank', () => {
    assert.equal(whyNot(changed({ model: { ...modelSummary(), notes: 5 } })), 'model.notes is not a list of texts.');
    assert.equal(whyNot(changed({ image: {} })), 'image.name is missing.');
    assert.equal(whyNot(changed({ chatPrompt: 'USER' })), 'chatPrompt is not an object.');
    assert.equal(whyNot(changed({ settings: null })), 'settings is not an object.');
  });

  it('is refused at once where it has more heads than a grid can be drawn of', () => {
    const start = performance.now();
    assert.match(
      whyNot(changed({ layers: 1024, heads: 1024, statistics: {}, gains: [], classes: [] })),
      /^heads is not a whole number from 0 to 16: with 1024 layers there is room for no more\.$/,
    );
    assert.ok(performance.now() - start < 500);
  });

  it('is saved again as a result of an analysis, named by its time and model, and keeps its ending when the name is taken', () => {
    const opened = resultKinds.heads.parse(JSON.stringify(headsResult()));
    assert.ok(opened.ok);
    const name = resultKinds.heads.fileName(opened.result);
    assert.match(name, /^2026-11-24-\d{6}-tiny-heads\.headscope-analysis\.json$/);
    assert.equal(suffixOf(name), '.headscope-analysis.json');
    assert.equal(freeName(name, new Set([name])), `${withoutSuffix(name)}-2.headscope-analysis.json`);
    assert.equal((JSON.parse(resultKinds.heads.text(opened.result)) as { kind: string }).kind, 'headscope-analysis');
  });

  it('of an earlier version has its gains and biases as interventions', () => {
    const gains = [{ layer: 1, head: 0, gain: 0.5 }];
    const settings = { classify: false, biases: [{ layer: 0, head: 1, start: 3, end: 10, bias: -4 }] };
    const { interventions: _, ...earlier } = JSON.parse(changed({ gains, settings })) as Record<string, unknown>;
    const parsed = read(JSON.stringify(earlier));
    assert.deepEqual(parsed.gains, gains);
    assert.deepEqual(parsed.interventions, [
      { kind: 'gain', layer: 1, head: 0, gain: 0.5 },
      { kind: 'bias', layer: 0, head: 1, keys: { start: 3, end: 10 }, bias: -4 },
    ]);
  });

  it('as the command line writes it, without gains where something else was changed, has those among the interventions', () => {
    const interventions = [
      { kind: 'uniform', layer: 0, head: 1 },
      { kind: 'gain', layer: 1, head: 0, gain: 0.5 },
    ];
    const { gains: _, ...printed } = JSON.parse(changed({ interventions })) as Record<string, unknown>;
    const parsed = read(JSON.stringify(printed));
    assert.deepEqual(parsed.interventions, interventions);
    assert.deepEqual(parsed.gains, [{ layer: 1, head: 0, gain: 0.5 }]);
  });

  it('says in lists what was found, in which model, under which interventions', () => {
    const listing = (change: Partial<WrittenHeads>) => {
      const opened = resultKinds.heads.parse(JSON.stringify(headsResult(change)));
      assert.ok(opened.ok);
      return resultKinds.heads.listing(opened.result);
    };
    assert.equal(listing({}).description, 'Heads on a prompt, tiny: 2 of 4 heads have a label: 2 previous token.');
    const ablated = listing({ interventions: [{ kind: 'gain', layer: 1, head: 0, gain: 0 }] });
    assert.ok(ablated.details.includes('1 intervention'));
    assert.ok(ablated.lines(() => new Map()).some(({ label }) => label === 'Labelled heads'));
  });
});

describe('heads.json', () => {
  it('holds the labels with what made them', () => {
    const result = headsResult();
    assert.deepEqual(headLabelsFile(result), {
      kind: 'headscope-labels',
      version: 1,
      headscope: result.headscope,
      created: result.created,
      device: result.device,
      settings: result.settings,
      seed: 3,
      model: result.model,
      promptIds: [1, 2, 3],
      interventions: [],
      gains: [],
      heads: result.classes,
    });
  });
});

describe('a saved intervention', () => {
  const interventions: readonly Intervention[] = [
    { kind: 'gain', layer: 1, head: 0, gain: 0 },
    { kind: 'mlp', layer: 0, positions: { start: 1, end: 3 }, source: { from: 'mean' } },
  ];

  it('reads back what was written, and names its model', () => {
    const text = interventionText(modelSummary(), interventions);
    assert.deepEqual(parseIntervention(text, modelSummary()), { ok: true, result: interventions });
    assert.deepEqual((JSON.parse(text) as { model: unknown }).model, {
      name: 'tiny',
      hash: 'abc',
      layers: 2,
      heads: 2,
    });
  });

  it('may be written by hand', () => {
    const text = '{"kind": "headscope-intervention", "gains": [{"layer": 1, "head": 1, "gain": -2}]}';
    assert.deepEqual(parseIntervention(text), { ok: true, result: [{ kind: 'gain', layer: 1, head: 1, gain: -2 }] });
  });

  it('is refused when it is another file or names heads that are not there', () => {
    const why = (text: string): string => {
      const parsed = parseIntervention(text, { layers: 2, heads: 2 });
      return parsed.ok ? 'read' : parsed.why;
    };
    assert.equal(why('nonsense').startsWith('The file is not valid JSON'), true);
    assert.match(why('{"kind": "headscope-labels"}'), /not a saved intervention of Headscope/);
    assert.match(why('{"kind": "headscope-intervention"}'), /^version is missing\.|^interventions is missing\./);
    assert.match(
      why(interventionText(modelSummary(), [{ kind: 'gain', layer: 2, head: 0, gain: 0 }])),
      /"gain:2\.0=0" names a part that does not exist: the model has 2 layers of 2 heads/,
    );
    assert.match(
      why(interventionText(modelSummary(), [{ kind: 'uniform', layer: 0, head: 7 }])),
      /"uniform:0\.7" names a part that does not exist/,
    );
    const text = '{"kind": "headscope-intervention", "gains": [{"layer": 0, "head": 0, "gain": "off"}]}';
    assert.match(why(text), /^gains\[0\]\.gain is not a number/);
  });
});

describe('the models whose heads can be shown', () => {
  const demo = demoChoice('/extension/examples/models/demo-lm', true);

  it('are marked where they cannot run, with the reason: no weights, a family that is not run, errors', () => {
    const without = modelChoice(facts(), 'a', '/a');
    assert.equal(without.mark, 'no weights');
    assert.match(String(without.runs), /^There are no weights beside a, .*\.safetensors/);
    const faulty = modelChoice(facts({ weightBytes: 10, errors: 2 }), 'a', '/a');
    assert.deepEqual([faulty.mark, faulty.runs], ['2 errors', true]);
    assert.equal(modelChoice(facts({ weightBytes: 10, errors: 1 }), 'a', '/a').mark, '1 error');
    const other = modelChoice(facts({ supported: 'Its family is not run.', errors: 1 }), 'a', '/a');
    assert.equal(other.mark, 'cannot run');
    assert.deepEqual(modelChoice(facts({ weightBytes: 10 }), 'a', '/a'), {
      folder: '/a',
      label: 'a',
      family: 'llama',
      runs: true,
    });
    assert.equal(
      modelChoice(facts({ weightBytes: 10, supported: 'It is quantised.' }), 'a', '/a').runs,
      'a cannot be run: It is quantised. Choose another model to run; the attention of this one can be looked at and benchmarked.',
    );
  });

  it('says why a demo model cannot run where its files are not', () => {
    const absent = demoChoice('/extension/examples/models/demo-lm', false);
    assert.match(String(absent.runs), /files of the demo model are missing/);
    const seeing = demoVisionChoice('/extension/examples/models/demo-vlm', false);
    assert.match(String(seeing.runs), /left out of the packaged extension/);
    assert.equal(demo.runs, true);
  });

  it('begin with the demo, once, and can be told apart', () => {
    const choice = (folder: string, label: string) => ({ folder, label, family: 'llama', runs: true as const });
    const choices = distinctChoices([demo], [choice('/x/a', 'a'), choice('/y/a', 'a'), choice('/b', 'b'), demo]);
    assert.deepEqual(
      choices.map(({ label }) => label),
      [demo.label, 'a (/x/a)', 'a (/y/a)', 'b'],
    );
    const without = modelChoice(facts(), 'a without', '/a');
    assert.deepEqual(
      distinctChoices([demo], [without, choice('/b', 'b')]).map(({ label }) => label),
      [demo.label, 'b', 'a without'],
    );
  });

  it('are named without links, as the compute server names them', async () => {
    const parent = await realpath(await mkdtemp(join(tmpdir(), 'headscope-folder-')));
    try {
      await mkdir(join(parent, 'model'));
      await symlink(join(parent, 'model'), join(parent, 'link'));
      assert.equal(realFolder(join(parent, 'link')), join(parent, 'model'));
      assert.equal(realFolder(join(parent, 'gone')), join(parent, 'gone'));
    } finally {
      await rm(parent, { recursive: true });
    }
  });

  it('are refused with a next step', () => {
    assert.match(whyNotRun(null, 'x') ?? '', /not a model configuration\. Choose/);
    assert.match(whyNotRun(facts(), 'x') ?? '', /There are no weights beside x.*\.safetensors/);
    assert.match(whyNotRun(facts({ supported: 'It is quantised.' }), 'x') ?? '', /It is quantised\. Choose another/);
    assert.equal(whyNotRun(facts({ weightBytes: 5 }), 'x'), undefined);
  });
});

describe('a link to a head', () => {
  it('names a head, a prompt or both; anything else is left out', () => {
    assert.deepEqual(headLinkOf({ layer: 2, head: 5, prompt: 'a' }), { select: { layer: 2, head: 5 }, prompt: 'a' });
    assert.deepEqual(headLinkOf({ layer: 2 }), {});
    assert.deepEqual(headLinkOf({ layer: -1, head: 0, prompt: 3 }), {});
    assert.deepEqual(headLinkOf(undefined), {});
  });
});
