/** `headscope run divergence`, of which `headscope vhd` is a name: the numbers of the job that was there before. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnalysisResult, SectionQuestion } from '../../../protocol/analysis/schema';
import type { ReinforcedCaption } from '../../../protocol/results/divergence-result';
import { divergenceOf } from '../../support/vhd-call';
import { nameOfResult } from '../../../protocol/compute/analyses';
import type { HallucinationResult } from '../../../protocol/results/hallucination-schema';
import { writePlantedSpanHeads } from '../../support/checkpoints/planted-span-heads';
import { tinyLlava, tinyPixels, writePng, writeProcessor } from '../../support/checkpoints/tiny-vision';
import { writeTinyModel } from '../../support/checkpoints/tiny-models';
import { buildServer, failureOf, Place } from '../model/support/model-server';

const vlm = tinyLlava();
const ids = [1, 5, 9, vlm.imageToken, 11, 17, 23];
const tables = ['vhd', 'textEnergy', 'visualAttention', 'outlier', 'selected'] as const;

describe('divergence as an analysis, by the real process', () => {
  let place: Place;
  let [llava, text, picture] = ['', '', ''];
  before(async function () {
    this.timeout(60_000);
    await buildServer();
    place = new Place();
    llava = place.at('llava');
    writeTinyModel(llava, vlm);
    writeProcessor(llava, vlm);
    text = place.at('planted');
    writePlantedSpanHeads(text, { visual: 8, prior: 4.2 });
    picture = writePng(place.at('a.png'), tinyPixels(20, 14));
  });
  after(() => place.remove());

  const json = async <T>(words: readonly string[]): Promise<T> => {
    const { code, stdout, stderr } = await place.headscope([...words, '--json', '-']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  };
  const params = (values: Readonly<Record<string, string | number | boolean>>): string[] =>
    Object.entries(values).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
  const captionOf = (of: unknown) => of as HallucinationResult['caption'];

  /** Where numbers differ by more than rounding on another machine; every other value must be the same. */
  const far = (old: unknown, now: unknown, place = ''): string[] => {
    if (typeof old === 'number' && typeof now === 'number')
      return Math.abs(old - now) <= 1e-3 * Math.max(1e-3, Math.abs(old)) ? [] : [`${place}: ${old} became ${now}`];
    if (typeof old !== 'object' || old === null || typeof now !== 'object' || now === null)
      return old === now ? [] : [`${place}: ${String(old)} became ${String(now)}`];
    const names = new Set([...Object.keys(old), ...Object.keys(now)]);
    return [...names].flatMap((name) =>
      far((old as Record<string, unknown>)[name], (now as Record<string, unknown>)[name], `${place}.${name}`),
    );
  };
  const earlier = (name: string) =>
    JSON.parse(
      readFileSync(join(__dirname, `../../fixtures/results/${name}.headscope-hallucination.json`), 'utf8'),
    ) as HallucinationResult & Record<string, unknown>;
  const measured = ['k', 'sinks', 'steps', 'truth', 'references', 'truthLabels'] as const;
  const scene = join(__dirname, '../../../examples/pictures/scenes/scene-010.png');
  const model = (name: string): string => join(__dirname, '../../../examples/models', name);

  it('headscope vhd prints what it printed when it was a job of its own: all steps and words of a picture, and a span', async () => {
    const words = [
      'vhd',
      model('demo-vlm'),
      '--image',
      scene,
      '--truth',
      'boat,dragon',
      '--steps',
      '4',
      '--all-steps',
      '--lexicon',
      join(scene, '../lexicon.txt'),
    ];
    const picture = earlier('all-steps');
    const now = await json<typeof picture>([...words, '--prompt', picture.prompt ?? '']);
    assert.equal(now.steps?.length, 4);
    // The file was cut to two of the four steps.
    const kept: typeof picture = { ...now, steps: now.steps.slice(0, 2) };
    const said = ['text', 'tokens', 'stoppedAt', 'mentions', 'score', 'promptIds', 'promptTokens', 'settings'] as const;
    for (const name of [...tables, ...measured, ...said]) assert.deepEqual(far(picture[name], kept[name]), [], name);
    // Fields since then: weights held, parity.
    const since = ['parity', 'weights'];
    assert.deepEqual(Object.keys(now).sort(), [...Object.keys(picture), ...since].sort());
    const span = earlier('span-2026-12-01');
    const read = ['vhd', model('demo-lm'), '--prompt', span.prompt ?? '', '--span', 'chars:0:30', '--steps', '6'];
    const again = await json<typeof span>([...read, '--map', '1.0,2.1']);
    for (const name of [...tables, 'k', 'spanMap', ...said] as const)
      assert.deepEqual(far(span[name], again[name]), [], name);
    assert.deepEqual(Object.keys(again).sort(), Object.keys(span).sort());
  });

  it('a control asked of the result is the caption that the panel made, judged by captions of people too', async () => {
    const old = earlier('reinforced');
    const [control] = old.variants;
    assert.ok(control?.reinforcement);
    const truth = place.at('truth.json');
    writeFileSync(truth, JSON.stringify({ 'scene-010.png': { objects: old.truth, captions: old.references } }));
    const lexicon = place.at('lexicon.json');
    writeFileSync(lexicon, JSON.stringify({ boat: [] }));
    const client = place.client();
    const { distance: by, outliers, positions } = old;
    const run = await client.call('analysis', [
      {
        analysis: 'divergence',
        folder: model('demo-vlm'),
        input: { kind: 'prompt', prompt: { kind: 'text', text: old.prompt ?? '', image: scene } },
        parameters: { tokens: 4, truth, lexicon, distance: by, outliers, positions },
        interventions: [],
        seed: 0,
      },
    ]);
    const { distance: _, positions: __, ...reinforcement } = control.reinforcement;
    const question = { section: 'caption', place: { kind: 'variant', reinforcement } } as const;
    const { result, sections } = await client.call('extendAnalysis', [run, question]);
    for (const name of [...tables, 'k', 'truth', 'references', 'truthLabels'] as const)
      assert.deepEqual(far(old[name], result[name]), [], name);
    const { reinforcement: none, ...plain } = old.caption;
    assert.equal(none, null);
    assert.deepEqual(far(plain, result['caption']), []);
    const { reinforced, ...caption } = control;
    assert.deepEqual(far([{ ...caption, heads: reinforced }], result['variants']), []);
    assert.deepEqual(
      sections.map(({ kind, id }) => `${kind} ${id}`),
      [
        'tokens caption',
        'tokens reinforced-caption',
        'heads heads',
        'image attention',
        'chart t-vhd',
        'chart layers',
        'table layer-sums',
        'generations captions',
        'table scores',
        'table object-words',
        'text sinks',
      ],
    );
    const elsewhere = place.at('other.json');
    writeFileSync(elsewhere, JSON.stringify({ 'scene-011.png': ['boat'] }));
    const { stderr } = await place.headscope([
      ...['run', 'divergence', model('demo-vlm'), '--prompt', old.prompt ?? '', '--image', scene],
      ...params({ truth: elsewhere }),
    ]);
    assert.match(stderr, /other\.json does not name scene-010\.png\. Add what it holds/);
  });

  it('where heads look: each by its mass on the picture, several by their mean, under the gains of their text', async () => {
    const client = place.client();
    const prompt = { kind: 'ids', ids, image: picture } as const;
    const parameters = { tokens: 12, reinforce: true, alpha: 3 };
    const run = await client.call('analysis', [divergenceOf({ folder: llava, prompt, parameters })]);
    const { tokens, gains } = run.result['reinforced'] as ReinforcedCaption;
    const valuesOf = async (of: AnalysisResult, section: string, place: SectionQuestion['place']) => {
      const map = await client.call('askAnalysis', [of, { section, place }]);
      assert.ok(map.kind === 'image' && map.image.sha256 === of.prompts[0]?.image?.sha256);
      return map.numbers[0]?.values ?? [];
    };
    const two = [
      { layer: 0, head: 1 },
      { layer: 1, head: 2 },
    ] as const;
    const near = (actual: readonly number[], expected: readonly number[], words: string): void => {
      assert.equal(actual.length, expected.length);
      actual.forEach((value, at) => assert.ok(Math.abs(value - (expected[at] ?? NaN)) < 1e-5, `${words}, ${at}`));
    };
    const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
    const [first, second] = [
      await valuesOf(run, 'heads', { kind: 'head', ...two[0] }),
      await valuesOf(run, 'heads', { kind: 'heads', heads: [two[1]] }),
    ];
    const mass = run.result['visualAttention'] as number[][];
    near([sum(first), sum(second)], [mass[0]?.[1] ?? NaN, mass[1]?.[2] ?? NaN], 'mass');
    const mean = first.map((value, at) => (value + (second[at] ?? NaN)) / 2);
    near(await valuesOf(run, 'caption', { kind: 'heads', heads: two }), mean, 'mean');
    // At a later token: the heads that are shown there have as much.
    const later = await client.call('askAnalysis', [run, { section: 'caption', place: { kind: 'token', token: 3 } }]);
    assert.ok(later.kind === 'heads');
    const there = later.numbers.find(({ name }) => name === 'visualAttention')?.values[1]?.[2] ?? NaN;
    const map = await valuesOf(run, 'caption', { kind: 'heads', heads: [two[1]], token: 3 });
    near([sum(map)], [there], 'mass at a later token');
    // A text with scaled heads is what a run writes in which these gains hold.
    const interventions = gains.map((gain) => ({ kind: 'gain' as const, ...gain }));
    const held = { ...divergenceOf({ folder: llava, prompt, parameters: { tokens: 12 } }), interventions };
    const scaled = await client.call('analysis', [held]);
    assert.deepEqual(
      captionOf(scaled.result['caption']).tokens.map(({ id }) => id),
      tokens.map(({ id }) => id),
    );
    const place3 = { kind: 'heads', heads: two, token: 3 } as const;
    near(await valuesOf(run, 'reinforced-caption', place3), await valuesOf(scaled, 'caption', place3), 'gains');
    // A named result is asked as the whole one is, and holds what it was asked for.
    const named = { named: nameOfResult(run) };
    const byName = await client.call('askAnalysis', [named, { section: 'caption', place: place3 }]);
    assert.ok(byName.kind === 'image');
    const random = { alpha: 3, outliers: 'paper', heads: 'random', normMatched: false, executor: 'in-graph', seed: 1 };
    const question = { section: 'caption', place: { kind: 'variant', reinforcement: random } } as const;
    const more = await client.call('extendAnalysis', [run, question as SectionQuestion]);
    assert.equal(nameOfResult(more), nameOfResult(run), 'the run is the same');
    const asked = { section: 'reinforced-caption-2', place: { kind: 'token', token: 0 } } as const;
    assert.equal((await client.call('askAnalysis', [named, asked])).kind, 'heads');
  });

  it('what cannot be asked for is refused with a next step', async () => {
    const client = place.client();
    const prompt = { kind: 'ids', ids, image: picture } as const;
    const run = await client.call('analysis', [divergenceOf({ folder: llava, prompt, parameters: { tokens: 2 } })]);
    const plan = { outliers: 'paper', heads: 'selected', normMatched: false, executor: 'in-graph', seed: 0 } as const;
    const variant = (change: object, section = 'caption') =>
      failureOf(
        client.call('extendAnalysis', [
          run,
          { section, place: { kind: 'variant', reinforcement: { alpha: 2, ...plan, ...change } } },
        ]),
      );
    for (const [change, words] of [
      [{ alpha: Infinity }, /alpha is Infinity.*finite/],
      [{ heads: 'all', normMatched: true }, /plain model/],
      [{ layers: [9] }, /no layer 9: the model has/],
    ] as const) {
      const failure = await variant(change);
      assert.ok(failure.code === 'bad-request' && words.test(failure.detail), JSON.stringify(failure));
    }
    const elsewhere = await variant({}, 'heads');
    assert.ok(elsewhere.code === 'bad-request' && /The caption alone/.test(elsewhere.detail));
    const wrong = divergenceOf({ folder: llava, prompt, parameters: { distance: 'manhattan' } });
    assert.equal((await failureOf(client.call('analysis', [wrong]))).code, 'bad-request');
  });

  it('a text model is told of the span, and a prompt without a picture is refused', async () => {
    const { code, stderr } = await place.headscope(['run', 'divergence', text, '--ids', '0,1,2,5']);
    assert.notEqual(code, 0);
    assert.match(stderr, /no vision encoder.*span of the prompt/);
    const noImage = ids.filter((id) => id !== vlm.imageToken).join(',');
    const without = await place.headscope(['run', 'divergence', llava, '--ids', noImage]);
    assert.notEqual(without.code, 0);
    assert.match(without.stderr, /no image to leave out/);
  });
});
