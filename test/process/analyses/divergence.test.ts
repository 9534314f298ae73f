/** `headscope run divergence`, of which `headscope vhd` is a name: the numbers of the job that was there before. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nameOfResult } from '../../../protocol/compute/analyses';
import type { HallucinationResult } from '../../../protocol/results/hallucination-schema';
import { writePlantedSpanHeads } from '../../support/checkpoints/planted-span-heads';
import { tinyLlava, tinyPixels, writePng, writeProcessor } from '../../support/checkpoints/tiny-vision';
import { writeTinyModel } from '../../support/checkpoints/tiny-models';
import { buildServer, Place } from '../model/support/model-server';

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
    // Of the four steps the file was cut to two.
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
        'heads heads',
        'image attention',
        'tokens caption',
        'tokens reinforced-caption',
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

  it('the reinforced caption is that of the panel; the mean of the selected heads is that of its picture', async () => {
    const client = place.client();
    const prompt = { kind: 'ids', ids, image: picture } as const;
    const measure = { distance: 'l2', outliers: 'paper', positions: 'contiguous' } as const;
    const request = { folder: llava, prompt, removed: { kind: 'image' } as const, ...measure, maxNewTokens: 12 };
    const plan = { heads: 'selected', normMatched: false, executor: 'in-graph', seed: 0 } as const;
    const caption = await client.call('reinforce', [request, { alpha: 3, outliers: 'paper', ...plan }]);
    const run = await client.call('analysis', [
      {
        analysis: 'divergence',
        folder: llava,
        input: { kind: 'prompt', prompt },
        parameters: { tokens: 12, reinforce: true, alpha: 3 },
        interventions: [],
        seed: 0,
      },
    ]);
    const {
      tokens,
      text: said,
      gains,
      heads,
      reinforcement,
    } = run.result['reinforced'] as typeof caption & {
      heads: unknown;
    };
    assert.deepEqual(tokens, caption.tokens);
    assert.equal(said, caption.text);
    assert.deepEqual([gains, heads, reinforcement], [caption.gains, caption.reinforced, caption.reinforcement]);
    const selected = (run.result['selected'] as boolean[][]).flatMap((row, layer) =>
      row.flatMap((is, head) => (is ? [{ layer, head }] : [])),
    );
    const map = await client.call('imageMap', [{ folder: llava, prompt, generated: [], heads: selected }]);
    assert.deepEqual(run.result['attention'], [...map]);
    const asked = await client.call('askAnalysis', [
      run,
      { section: 'heads', place: { kind: 'head', layer: 1, head: 2 } },
    ]);
    const one = await client.call('imageMap', [
      { folder: llava, prompt, generated: [], heads: [{ layer: 1, head: 2 }] },
    ]);
    assert.ok(asked.kind === 'image');
    assert.deepEqual(asked.numbers[0]?.values, [...one]);
    // At a later token, of the plain text and under the gains of the reinforced one.
    const two = [
      { layer: 0, head: 1 },
      { layer: 1, head: 2 },
    ];
    const { tokens: plain } = captionOf(run.result['caption']);
    const interventions = (gains ?? []).map((gain) => ({ kind: 'gain' as const, ...gain }));
    for (const [section, written, held] of [
      ['caption', plain, []],
      ['reinforced-caption', tokens, interventions],
    ] as const) {
      const generated = written.slice(0, 3).map(({ id }) => id);
      const expected = await client.call('imageMap', [
        { folder: llava, prompt, generated, heads: two, interventions: held },
      ]);
      const place = { kind: 'heads' as const, heads: two, token: 3 };
      const map = await client.call('askAnalysis', [{ named: nameOfResult(run) }, { section, place }]);
      assert.ok(map.kind === 'image');
      assert.deepEqual(map.numbers[0]?.values, [...expected], section);
    }
    const random = { alpha: 3, outliers: 'paper' as const, ...plan, heads: 'random' as const };
    const control = await client.call('reinforce', [request, random]);
    const more = await client.call('extendAnalysis', [
      run,
      { section: 'caption', place: { kind: 'variant', reinforcement: random } },
    ]);
    const [variant] = more.result['variants'] as (typeof caption)[];
    assert.deepEqual([variant?.tokens, variant?.gains], [control.tokens, control.gains]);
    assert.equal(nameOfResult(more), nameOfResult(run), 'the run is the same');
    assert.ok(run.sections.some(({ kind }) => kind === 'generations'));
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
