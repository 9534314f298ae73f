/**
 * Results of every analysis and experiment as Headscope wrote them on 2026-11-30, on checkpoints of the tests: the schema of the
 * analysis reads them whole, and its finding, sections, comparison and offers are made of them.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Analysis } from '../../../diagnostics/analysis';
import { analyses, experiments } from '../../../diagnostics/catalogue';
import { circuitOf } from '../../../diagnostics/shared/circuits/circuit';
import type { ModelFacts } from '../../../diagnostics/model-runner/model-runner';
import { check } from '../../../protocol/schema/check';
import { section } from '../../../protocol/sections/section';
import { list } from '../../../protocol/schema/fields';
import { differences } from '../../support/read-as-written';

type Result = Readonly<Record<string, unknown>>;
type Shown = Pick<Analysis, 'id' | 'result' | 'finding' | 'sections' | 'compare' | 'offers'>;

const fixtures = join(__dirname, '../../fixtures');
const parsed = (path: string): unknown => JSON.parse(readFileSync(join(fixtures, path), 'utf8'));

interface Saved {
  readonly analysis: string;
  readonly result: Result;
  readonly finding?: string;
}

const saved: readonly Saved[] = [
  ...readdirSync(join(fixtures, 'results'))
    .filter((file) => file.endsWith('.headscope-analysis.json'))
    .map((file) => parsed(join('results', file)) as Saved),
  ...Object.entries(parsed('earlier/results-of-analyses.json') as Readonly<Record<string, Result>>).map(
    ([analysis, result]) => ({ analysis, result }),
  ),
];
const catalogue: readonly Shown[] = [...analyses, ...experiments];

describe('a result of an analysis that was saved before', () => {
  it('is there of 64 analyses and experiments', () => {
    assert.equal(new Set(saved.map(({ analysis }) => analysis)).size, 64);
  });

  for (const { analysis: id, result: raw } of saved) {
    it(`${id} is read whole, shown and compared`, () => {
      const analysis = catalogue.find((one) => one.id === id);
      assert.ok(analysis, 'the catalogue has it no more');
      const read = check(analysis.result, raw, 'result');
      assert.ok(read.ok, read.ok ? '' : read.why);
      assert.deepEqual(differences(raw, read.result), []);
      assert.match(analysis.finding(read.result), /^[A-Z0-9].*\.$/s);
      const sections = analysis.sections(read.result);
      assert.ok(sections.length > 0);
      for (const shown of [sections, analysis.compare?.(read.result, read.result) ?? []]) {
        const checked = check(list(section, 'a list of sections'), JSON.parse(JSON.stringify(shown)), 'sections');
        assert.ok(checked.ok, checked.ok ? '' : checked.why);
      }
      for (const { title } of analysis.offers?.(read.result) ?? []) assert.ok(title !== '');
    });
  }

  it('a circuit that was saved is read for a model of as many heads', () => {
    const { circuit } = saved.find(({ analysis }) => analysis === 'circuit-discovery')?.result as {
      readonly circuit: { readonly heads: readonly number[]; readonly nodes: readonly unknown[] };
    };
    const blocks = circuit.heads.map((heads) => ({ heads }));
    const read = circuitOf('circuit.json', JSON.stringify(circuit), { blocks } as unknown as ModelFacts);
    assert.deepEqual(differences(circuit, read), []);
    assert.ok(read.nodes.length > 0);
  });

  it('a circuit of the editor is read without what the last run did not find', () => {
    const text = readFileSync('test/fixtures/results/names.headscope-circuit.json', 'utf8');
    const facts = (heads: number): ModelFacts =>
      ({ blocks: [0, 1, 2].map(() => ({ heads })) }) as unknown as ModelFacts;
    const read = circuitOf('names.json', text, facts(4));
    assert.deepEqual(
      read.nodes.map(({ layer, head, weight }) => [layer, head, weight]),
      [
        [0, 1, -0.12],
        [0, 3, 0.31],
        [0, undefined, 0.08],
        [1, 0, 0.22],
        [1, 2, 0.18],
        [2, 1, 0.42],
        [2, 2, 0.35],
        [2, 3, -0.27],
      ],
    );
    assert.equal(read.edges.length, 14);
    assert.equal(read.task, 'induction');
    assert.throws(() => circuitOf('names.json', text, facts(2)), /Give a circuit that circuit-discovery has saved/);
    const strange = text.replaceAll('"L1H2"', '"token"');
    assert.throws(() => circuitOf('names.json', strange, facts(4)), /has the node "token", which is no head or MLP/);
  });
});
