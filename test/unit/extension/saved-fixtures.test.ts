/** Files of every kind as Headscope has written them so far open, and say what stands in them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonValidation } from '../../../build/schemas.mjs';
import { parseIntervention } from '../../../extension/results/intervention-file';
import { changeWhenSaved } from '../../../extension/results/saved-again';
import { comparedKind, kindOf, kinds, resultKinds, type ResultKind } from '../../../extension/results/result-kinds';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { interventionSuffix } from '../../../protocol/contributions/views';
import { parseDo, printDo } from '../../../protocol/interventions/do-form';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { Plan } from '../../../protocol/plans/plan-file';
import { headPlanText } from '../../../protocol/plans/head-plan';
import { classified } from '../../../protocol/results/comparability';
import type { Checked } from '../../../protocol/schema/check';
import { differences } from '../../support/read-as-written';

const folder = join(__dirname, '../../fixtures/results');

const endingOf = (file: string): string => file.split('.').at(-2) ?? '';

/** By what stands before `.json` in the name of a file: each kind that the manifest contributes, and how the extension reads it. */
const parsers: Readonly<Record<string, (text: string) => Checked<unknown>>> = Object.fromEntries<
  (text: string) => Checked<unknown>
>([
  ...kinds.map((kind) => [endingOf(`x${resultKinds[kind].suffix}`), resultKinds[kind].parse] as const),
  [endingOf(`x${interventionSuffix}`), parseIntervention] as const,
]);

const files = readdirSync(folder);

function open(file: string): { readonly raw: unknown; readonly read: unknown } {
  const text = readFileSync(join(folder, file), 'utf8');
  const parsed = parsers[endingOf(file)]?.(text);
  assert.ok(parsed?.ok, parsed?.ok === false ? parsed.why : `no parser reads ${file}`);
  return { raw: JSON.parse(text) as unknown, read: parsed.result };
}

interface Gains {
  readonly gains?: readonly { readonly layer: number; readonly head: number; readonly gain: number }[];
}

/** Files hold the ones, the others or both. */
const interventionsOf = ({ gains = [], interventions }: Gains & { readonly interventions?: unknown }): unknown =>
  interventions ?? gains.map(({ layer, head, gain }) => ({ kind: 'gain', layer, head, gain }));
describe('a file that was saved by this version or an earlier one', () => {
  it('is there of every kind', () => {
    // Descriptions of captured tensors and of ONNX files are written by a person or another program.
    const described = ['*.headscope-capture.json', '*.headscope-kernel.json'];
    const saved = jsonValidation
      .map(({ fileMatch }) => fileMatch)
      .filter((name) => name.startsWith('*.') && !described.includes(name));
    assert.deepEqual(
      saved.filter((name) => !files.some((file) => file.endsWith(name.slice(1)))),
      [],
    );
    assert.deepEqual(
      saved.map(endingOf).sort(),
      Object.keys(parsers).sort(),
      'what the manifest contributes is what the extension reads',
    );
    const named = files.map((file) => (JSON.parse(readFileSync(join(folder, file), 'utf8')) as { kind: string }).kind);
    assert.deepEqual(
      [...new Set(named)].sort(),
      [
        ...Object.keys(classified),
        'headscope-circuit',
        'headscope-heads',
        'headscope-intervention',
        'headscope-plan',
      ].sort(),
    );
  });

  for (const file of files) {
    it(`${file} is read as it stands, nothing lost`, () => {
      const { raw, read } = open(file);
      switch (endingOf(file)) {
        case 'headscope-heads':
        case 'headscope-hallucination':
          // test/unit/protocol/earlier-results.test.ts holds it to the file, field by field.
          assert.equal((read as { readonly kind: string }).kind, 'headscope-analysis');
          break;
        case 'headscope-intervention':
          assert.deepEqual(read, interventionsOf(raw as Gains));
          break;
        default:
          assert.deepEqual(differences(raw, read, ''), []);
      }
    });
  }

  for (const file of files) {
    const kind = kindOf(file);
    if (kind === undefined) continue;
    it(`${file} is listed, and saved again it is the same`, () => {
      const { text, listing, fileName } = resultKinds[kind] as unknown as ResultKind<unknown>;
      const { raw, read } = open(file);
      const { created, description, details, lines } = listing(read);
      const { created: at, origin } = raw as {
        readonly created?: string;
        readonly origin?: { readonly created: string };
      };
      assert.equal(created, at ?? origin?.created);
      assert.ok(description !== '' && details.length > 0);
      assert.ok(lines(() => new Map()).every(({ label }) => label !== ''));
      assert.ok(fileName(read).endsWith(resultKinds[comparedKind(kind)].suffix));
      const again = resultKinds[comparedKind(kind)].parse(text(read));
      assert.ok(again.ok, again.ok ? '' : again.why);
      assert.deepEqual(JSON.parse(text(again.result)), JSON.parse(text(read)));
    });
  }

  it('says what is different in it when it is saved again, and of no other', () => {
    const sentence = (file: string): string | undefined =>
      changeWhenSaved(kindOf(file)!, readFileSync(join(folder, file), 'utf8'));
    const changed = files.filter((file) => kindOf(file) !== undefined && sentence(file) !== undefined);
    // Files of kinds that the analyses took the place of.
    assert.deepEqual(changed, [
      'all-steps.headscope-hallucination.json',
      'causal.headscope-heads.json',
      'changes-2026-11-30.headscope-heads.json',
      'controls-2026-11-30.headscope-hallucination.json',
      'encoder.headscope-heads.json',
      'map-2026-11-30.headscope-hallucination.json',
      'pictures-2026-11-24.headscope-heads.json',
      'plan-2026-11-30.headscope-heads.json',
      'reinforced-2026-11-30.headscope-heads.json',
      'reinforced.headscope-hallucination.json',
      'set.headscope-hallucination.json',
      'span-2026-12-01.headscope-hallucination.json',
      'span.headscope-hallucination.json',
    ]);
    for (const file of ['causal.headscope-heads.json', 'span.headscope-hallucination.json'])
      assert.match(
        sentence(file) ?? '',
        /^The copy is a result of an analysis, as this version of Headscope writes it \(\*\.headscope-analysis\.json\)\. The file that was opened stays/,
      );
    const today = open('ablation-2026-11-30.headscope-analysis.json').raw as object;
    const another = JSON.stringify({ ...today, remark: 'by hand' });
    assert.match(changeWhenSaved('analysis', another) ?? '', /: without remark\. /);
    assert.equal(changeWhenSaved('heads', 'notes'), undefined);
  });

  it('holds interventions of all 24 kinds, each as it is written on the command line', () => {
    const list = open('every-kind-2026-11-30.headscope-intervention.json').read as readonly Intervention[];
    assert.equal(new Set(list.map(({ kind }) => kind)).size, 24);
    for (const one of list) {
      const parsed = parseDo(printDo(one));
      assert.ok(parsed.ok, printDo(one));
      assert.deepEqual(parsed.value, one);
    }
    const written = list.map(printDo);
    for (const form of ['gain:2.5=0', 'bias:0.1:image=-2', 'head:1.2@3-7=mean:another text', 'moh:2=(0,2)+1'])
      assert.ok(written.includes(form), form);
  });

  it('holds heads under twenty interventions at once, and a plan with what each head keeps', () => {
    const { interventions } = open('changes-2026-11-30.headscope-heads.json').read as AnalysisResult;
    assert.equal(new Set(interventions.map(({ kind }) => kind)).size, 20);
    const plan = open('every-keep-2026-11-30.headscope-plan.json').read as Plan;
    assert.deepEqual(plan.heads[0]?.map(headPlanText), [
      'full',
      '4+64',
      '4+max(64,0.2n)+mean',
      '4+64+append',
      'span(-128+0.5n,4)',
      'span(8+0.25n,4,16,8)',
      'kept(0-3,9)',
      'kept()',
    ]);
    assert.equal(plan.prompt, 12);
    const measured = (open('evaluated-2026-11-30.headscope-plan.json').read as Plan).measured;
    assert.ok(measured !== undefined && measured.length > 0);
  });

  it('says in numbers what was measured', () => {
    const { model, interventions, result } = open('causal.headscope-heads.json').read as AnalysisResult;
    const { groups, classes, labelScores } = result;
    assert.deepEqual(
      [model.layers, model.heads, interventions],
      [4, 8, [{ kind: 'gain', layer: 1, head: 2, gain: 0.5 }]],
    );
    assert.deepEqual(Object.keys(groups as object), ['first']);
    assert.ok((classes as readonly object[]).some((one) => 'causal' in one));
    assert.ok('retrieval' in (labelScores as object));
    const set = (open('set.headscope-hallucination.json').read as AnalysisResult).result;
    assert.equal((set['entries'] as readonly unknown[]).length, 2);
    assert.equal((set['variants'] as readonly unknown[]).length, 2);
  });
});
