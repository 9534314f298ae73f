/** Files that earlier versions saved in a form of their own become results of the analyses that took their place. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { differenceSentence } from '../../../protocol/results/comparability';
import { earlierKinds, type EarlierKind } from '../../../protocol/results/earlier/earlier';
import { setResult, type SetResult } from '../../../protocol/results/caption-set-result';
import { divergenceResult, type DivergenceResult } from '../../../protocol/results/divergence-result';
import type { HallucinationResult, HallucinationSet } from '../../../protocol/results/hallucination-schema';
import { headsMeasured, type HeadsMeasured } from '../../../protocol/results/labelled-heads';
import { analysisText, parseAnalysis, type AnalysisResult } from '../../../protocol/analysis/schema';
import { check } from '../../../protocol/schema/check';
import type { Section } from '../../../protocol/sections/section';
import { differences } from '../../support/read-as-written';

const folder = join(__dirname, '../../fixtures/results');
const textOf = (file: string): string => readFileSync(join(folder, file), 'utf8');

const heads = (text: string): AnalysisResult => resultIn('heads', text);
const hallucination = (file: string): AnalysisResult => resultIn('hallucination', textOf(file));

function resultIn(kind: EarlierKind, text: string): AnalysisResult {
  const read = earlierKinds[kind](text);
  assert.ok(read.ok, read.ok ? '' : read.why);
  const saved = parseAnalysis(analysisText(read.result));
  assert.ok(saved.ok, saved.ok ? '' : saved.why);
  assert.deepEqual(JSON.parse(analysisText(saved.result)), JSON.parse(analysisText(read.result)));
  return read.result;
}

type Written = Readonly<Record<string, unknown>> & {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly layers: number;
  readonly heads: number;
};
const written = (file: string): Written => JSON.parse(textOf(file)) as Written;

function sectionOf<K extends Section['kind']>(
  { sections }: AnalysisResult,
  kind: K,
  id: string,
): Extract<Section, { readonly kind: K }> {
  const found = sections.find((one) => one.kind === kind && one.id === id);
  assert.ok(found, `no ${kind} ${id} among ${sections.map((one) => one.id).join()}`);
  return found as Extract<Section, { readonly kind: K }>;
}

describe('a saved result of heads', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.headscope-heads.json'));

  for (const file of files) {
    it(`${file} is a result of the analysis of heads, nothing added and nothing lost`, () => {
      const raw = written(file);
      const result = heads(textOf(file));
      for (const field of ['headscope', 'created', 'device', 'weights', 'seed', 'model', 'parity', 'seconds'] as const)
        assert.deepEqual(differences(raw[field], result[field] as unknown, field), [], field);
      const [prompt, ...others] = result.prompts;
      assert.deepEqual(others, []);
      assert.deepEqual([prompt?.text, prompt?.ids, prompt?.tokens], [raw['prompt'], raw['ids'], raw['tokens']]);
      assert.deepEqual(prompt?.image, raw['image']);
      const measured = result.result as HeadsMeasured;
      for (const field of ['statistics', 'groups', 'classes', 'topKeys', 'labelScores', 'classAblations'] as const)
        assert.deepEqual(differences(raw[field], measured[field] as unknown, field), [], field);
      assert.deepEqual(measured.thumbnails, raw['thumbnails']);
      assert.equal(measured.chunk, raw.settings['chunk']);
      assert.equal(result.parameters['labels'], raw.settings['classify']);
      assert.equal(result.parameters['causal'], raw.settings['causal']);
      // What the compute server reads it by.
      const own = check(headsMeasured, JSON.parse(JSON.stringify(measured)), 'result');
      assert.ok(own.ok, own.ok ? '' : own.why);
      const grid = sectionOf(result, 'heads', 'heads');
      assert.deepEqual(
        grid.numbers.map(({ values }) => [values.length, new Set(values.map((row) => row.length)).size]),
        grid.numbers.map(() => [raw.layers, 1]),
      );
    });
  }

  it('says in its finding and tables what stands in the file', () => {
    const causal = heads(textOf('causal.headscope-heads.json'));
    const { classes, classAblations, labelScores } = written('causal.headscope-heads.json') as unknown as HeadsMeasured;
    const labelled = new Set(classes.map(({ layer, head }) => `${layer}.${head}`)).size;
    assert.match(causal.finding, new RegExp(`^${labelled} of 32 heads have a label: `));
    assert.equal(sectionOf(causal, 'table', 'labelled').rows.length, classes.length);
    assert.deepEqual(
      sectionOf(causal, 'table', 'together').rows.map(([, count, change]) => [count, change]),
      classAblations?.map(({ heads: count, lossChange }) => [count, lossChange]),
    );
    assert.equal(causal.parameters['nullSequences'], labelScores?.induction?.nullSeeds);
    assert.equal(causal.offers?.length, new Set(classes.map(({ label }) => label)).size);
    // Labels without the scores behind them, as the first versions wrote them.
    const plain = heads(textOf('pictures-2026-11-24.headscope-heads.json'));
    assert.match(plain.finding, /^\d+ of 32 heads have a label: /);
    assert.ok(sectionOf(plain, 'table', 'labelled').rows.length > 0);
    assert.ok(!plain.sections.some(({ id }) => id === 'together' || id === 'last-query' || id === 'null'));
    const unlabelled = heads(textOf('changes-2026-11-30.headscope-heads.json'));
    assert.match(unlabelled.finding, /^36 heads are measured on 4 tokens: L\dH\d reads the previous token most/);
  });

  it('shows the groups of heads that share keys, windows, and gains as the run had them', () => {
    const grid = sectionOf(heads(textOf('causal.headscope-heads.json')), 'heads', 'heads');
    assert.deepEqual([grid.kvHeads, grid.gains], [4, [{ layer: 1, head: 2, gain: 0.5 }]]);
    assert.deepEqual(grid.windows, undefined);
    const windowed = JSON.parse(textOf('causal.headscope-heads.json')) as { model: { windows: unknown } };
    windowed.model.windows = [null, 8, null, 8];
    const other = sectionOf(heads(JSON.stringify(windowed)), 'heads', 'heads');
    assert.deepEqual(other.windows, [null, 8, null, 8]);
  });

  it('can be asked again as far as the file says how', () => {
    const file = written('pictures-2026-11-24.headscope-heads.json');
    const promptOf = (chatTemplate: boolean, more: object = {}) => {
      const { input } = heads(
        JSON.stringify({ ...file, model: { ...(file['model'] as object), chatTemplate }, ...more }),
      );
      return input.kind === 'prompt' ? input.prompt : undefined;
    };
    const text = { kind: 'text', text: 'a cat and a' };
    assert.deepEqual(promptOf(false), text);
    // Whether it went through the template is not said by the first versions; those that say how weights were held say it.
    assert.deepEqual(promptOf(true), { kind: 'ids', ids: [0, 100, 621, 273, 261] });
    assert.deepEqual(promptOf(true, { weights: 'float32' }), text);
    const chatPrompt = { text: 'USER: a cat and a', why: 'asked' };
    assert.deepEqual(promptOf(true, { weights: 'float32', chatPrompt }), { ...text, chat: true });
    assert.deepEqual(heads(textOf('encoder.headscope-heads.json')).input, {
      kind: 'prompt',
      prompt: { kind: 'image', image: '/home/me/headscope/examples/scenes/scene-000.png' },
    });
  });

  it('differs from a run of today in what was changed alone', () => {
    const plain = heads(textOf('pictures-2026-11-24.headscope-heads.json'));
    const today: AnalysisResult = { ...plain, settings: {}, interventions: [] };
    assert.match(differenceSentence(plain, today), /^Not the same: interventions \([^;]*\)\.$/);
  });

  it('that names hundreds of groups of keys shows as many as a grid holds', () => {
    const many = JSON.parse(textOf('causal.headscope-heads.json')) as { groups: Record<string, unknown> };
    for (let at = 0; at < 300; at++) many.groups[`group ${at}`] = many.groups['first'];
    const grid = sectionOf(heads(JSON.stringify(many)), 'heads', 'heads');
    assert.equal(grid.numbers.length, 64);
    assert.match(grid.caption ?? '', /Of 301 groups of keys the first 52 are here\./);
  });

  it('of no tokens is refused by a sentence', () => {
    const none = { ...written('causal.headscope-heads.json'), ids: [], tokens: [], topKeys: undefined };
    const read = earlierKinds.heads(JSON.stringify(none));
    assert.ok(!read.ok && /^ids is not a list of token ids that is not empty\.$/.test(read.why));
  });
});

describe('a saved result of a picture or of a folder of pictures', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.headscope-hallucination.json'));
  const raw = (file: string) => JSON.parse(textOf(file)) as HallucinationResult | HallucinationSet;
  const common = ['headscope', 'created', 'device', 'weights', 'seed', 'model', 'seconds'] as const;

  for (const file of files) {
    it(`${file} is a result of an analysis, nothing added and nothing lost`, () => {
      const saved = raw(file);
      const made = hallucination(file);
      for (const field of common) assert.deepEqual(differences(saved[field], made[field] as unknown, field), [], field);
      const written = JSON.parse(JSON.stringify(made.result)) as unknown;
      const own =
        saved.kind === 'headscope-hallucination'
          ? check(divergenceResult, written, 'result')
          : check(setResult, written, 'result');
      assert.ok(own.ok, own.ok ? '' : own.why);
      const fields = ['distance', 'outliers', 'positions', 'k', 'truthLabels'] as const;
      for (const field of fields) assert.deepEqual(made.result[field], saved[field], field);
      for (const field of fields.slice(0, 4)) assert.equal(made.parameters[field], saved[field], field);
      assert.equal(made.parameters['tokens'], saved.settings['maxNewTokens']);
      if (saved.kind === 'headscope-hallucination') ofPicture(saved, made);
      else ofPictures(saved, made);
    });
  }

  function ofPicture(saved: HallucinationResult, made: AnalysisResult): void {
    const result = made.result as DivergenceResult;
    const tables = ['vhd', 'textEnergy', 'visualAttention', 'outlier', 'selected'] as const;
    const rest = ['removed', 'sinks', 'steps', 'truth', 'references'] as const;
    for (const field of [...tables, ...rest])
      assert.deepEqual(differences(saved[field] ?? null, result[field] ?? null), []);
    assert.deepEqual(made.parity, saved.parity);
    assert.deepEqual({ reinforcement: null, ...result.caption }, saved.caption);
    assert.deepEqual(
      (result.variants ?? []).map(({ heads: reinforced, ...caption }) => ({ ...caption, reinforced })),
      saved.variants,
    );
    assert.equal(result.attention, undefined, 'where heads read is not in the file');
    const [prompt] = made.prompts;
    assert.deepEqual([prompt?.text, prompt?.ids, prompt?.image], [saved.prompt, saved.promptIds, saved.image]);
    const { start = 0, end = 0 } = saved.image ?? {};
    const outside = prompt?.tokens.filter((_, at) => at < start || at >= end);
    assert.deepEqual(outside, saved.promptTokens);
    assert.deepEqual(made.parameters['objects'], (saved.truth ?? []).join(', '));
    const ribbons = made.sections.flatMap((section) => (section.kind === 'tokens' ? [section.tokens] : []));
    assert.deepEqual(
      ribbons,
      [saved.caption, ...saved.variants].map(({ tokens }) => tokens.map(({ text }) => text)),
    );
    assert.deepEqual(sectionOf(made, 'heads', 'heads').numbers[0]?.values, saved.vhd);
  }

  function ofPictures(saved: HallucinationSet, made: AnalysisResult): void {
    const result = made.result as SetResult;
    const fields = ['entries', 'failures', 'plain', 'variants', 'separation', 'total', 'sample', 'parity'] as const;
    for (const field of fields) assert.deepEqual(result[field], saved[field], field);
    assert.equal(made.stopped, saved.state === 'cancelled' ? true : undefined);
    assert.equal(sectionOf(made, 'table', 'rates').rows.length, 1 + saved.variants.length);
  }

  it('says in its finding what stands in the file', () => {
    assert.match(
      hallucination('all-steps.headscope-hallucination.json').finding,
      /^Without the image, 14 of 48 heads change .* “table” is not in the picture \(T-VHD 70\.2\)\.$/,
    );
    const { finding, parameters, offers } = hallucination('reinforced.headscope-hallucination.json');
    assert.ok(!finding.includes('Scaled by'), 'a control is no reinforcement');
    assert.deepEqual([parameters['objects'], offers], ['boat', undefined]);
    const set = raw('controls-2026-11-30.headscope-hallucination.json') as HallucinationSet;
    const { parameters: of, finding: said } = hallucination('controls-2026-11-30.headscope-hallucination.json');
    assert.deepEqual([of['captions'], of['controls'], of['alpha']], ['reinforced', 'random', 2]);
    assert.equal(set.variants.length, 2);
    assert.match(said, new RegExp(`^${set.entries.length} pictures: `));
  });

  it('can be asked for more, and run again, as far as the file says how', () => {
    const { input, interventions } = hallucination('span.headscope-hallucination.json');
    assert.deepEqual(
      [input, interventions],
      [{ kind: 'prompt', prompt: { kind: 'text', text: 'the cat sat on the mat and the cat' } }, []],
    );
    const { input: pictures } = hallucination('set.headscope-hallucination.json');
    assert.equal(pictures.kind === 'image-set' && pictures.folder, '', 'where the pictures lay is not in the file');
  });
});
