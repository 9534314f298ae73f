/** The laws that every analysis of the catalogue keeps, on a tiny checkpoint of every family that it supports. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import assert from 'node:assert/strict';
import { analyses as catalogue } from '../../../diagnostics/catalogue';
import { interventionsField, type Intervention } from '../../../protocol/interventions/interventions';
import type { Section } from '../../../protocol/sections/section';
import { analyses as toys } from '../../support/analyses/catalogue';
import { Cases, casesFor, permutedFor, readsPrompt, type Case, type PermutedCase } from './cases';
import { checkPlanOffered } from './checked-plan';
import { checkSections, checkSign, numbersIn, numbersOf, throughFile } from './checked-sections';
import { recorded, started, type Recorded, type Result, type Started } from './runs';

/** Sums over heads in another order: float32 keeps about seven digits. */
const tolerance = 1e-4;

interface Run extends Started, Recorded {
  readonly name: string;
  readonly of: Case;
}

const heads = ({ runner }: Started): readonly HeadPlace[] =>
  runner.facts.blocks.flatMap((block, layer) => Array.from({ length: block.heads }, (_, head) => ({ layer, head })));

const gainOnAll = (run: Started, gain: number): readonly Intervention[] =>
  heads(run).map((place) => ({ kind: 'gain', ...place, gain }));

describe('analyses', function () {
  this.timeout(120_000);
  const cases = new Cases();
  let all: readonly Case[];
  let permuted: readonly PermutedCase[];
  before(async () => {
    all = await cases.all();
    permuted = await cases.permuted(all);
  });
  after(() => cases.close());

  /** How often each checkpoint was run again. */
  const again = new Map<string, number>();
  const timesAgain = ({ name }: { readonly name: string }): number => again.get(name) ?? 0;
  /** How often each could have been: a checkpoint that answers questions about pictures serves one analysis. */
  const chances = new Map<string, number>();
  const readings = [...toys, ...catalogue].flatMap((analysis) => analysis.inputs.map((kind) => ({ analysis, kind })));
  for (const { analysis, kind } of readings) {
    describe(analysis.inputs.length > 1 ? `${analysis.id}, given a ${kind}` : analysis.id, () => {
      const begun = (of: Case, interventions: readonly Intervention[] = [], seed?: number) =>
        started(analysis, of, { interventions, kind, ...(seed === undefined ? {} : { seed }) });
      const runs: Run[] = [];
      before(async () => {
        for (const of of casesFor(analysis, all)) {
          const start = await begun(of);
          const support = analysis.supports(start.runner.facts, start.job.parameters);
          if (support.ok) runs.push({ name: of.name, of, ...start, ...(await recorded(start)) });
          else assert.match(support.why, /^[A-Z].*\.$/, 'a refusal is a sentence');
        }
      });

      /** For each checkpoint; what fails names it. */
      const each = async (act: (run: Run) => void | Promise<void>, of: readonly Run[] = runs): Promise<void> => {
        assert.ok(runs.length > 0, 'it supports none of the checkpoints');
        for (const run of of) {
          try {
            await act(run);
          } catch (error) {
            if (error instanceof Error) error.message = `${run.name}: ${error.message}`;
            throw error;
          }
        }
      };

      /**
       * What runs once more: the first checkpoint, the last, which reads pictures where the analysis does, and that of the others
       * which did so least until now. What steps keep and how an intervention reaches a graph is the same for every analysis of a
       * family, and for every family of an analysis.
       */
      const eachAgain = (act: (run: Run) => void | Promise<void>): Promise<void> => {
        for (const { name } of runs) chances.set(name, (chances.get(name) ?? 0) + 1);
        const [first, ...others] = runs;
        const least = others.toSorted((a, b) => timesAgain(a) - timesAgain(b))[0];
        const chosen = new Set([first, others.at(-1), least]);
        return each(
          async (run) => {
            await act(run);
            again.set(run.name, timesAgain(run) + 1);
          },
          runs.filter((run) => chosen.has(run)),
        );
      };

      it('the result is what its schema says, in memory and from a file', () =>
        each(({ result }) => assert.deepEqual(throughFile(analysis.result, result, 'the result'), result)));

      it('says in a sentence what was found, and shows sections with sizes, units and definitions that fit', () =>
        each(({ result, runner }) => {
          assert.match(analysis.finding(result), /^[A-Z0-9].*\.$/s);
          const sections = analysis.sections(result);
          assert.ok(sections.length > 0);
          checkSections(sections, runner.facts);
        }));

      it('shows no number that is not in its result', () =>
        each(({ result }) => {
          const known = numbersOf(result);
          for (const section of analysis.sections(result)) {
            const strange = numbersIn(section).filter((value) => !known.has(value));
            assert.deepEqual(strange.slice(0, 3), [], `section ${section.id}`);
          }
        }));

      it('whatever step it is cancelled at, what is known by then has a finding and sections that fit', () =>
        each(async ({ steps, begunBy, kept, worked: all, run, runner }) => {
          assert.ok(steps.length > 0, 'it cannot be cancelled');
          let partial: Result = {};
          for (const step of [undefined, ...steps]) {
            // Nothing more is known.
            if (step && (step.partial ?? partial) === partial) continue;
            partial = step?.partial ?? partial;
            assert.match(analysis.finding(partial), /^[A-Z0-9].*\.$/s);
            checkSections(analysis.sections(partial), runner.facts);
          }
          // A run that is left in the middle ends, and does not work on. What it did until then is taken from the run before, but
          // for the last.
          const middle = Math.floor(steps.length / 2);
          const done = new Set(all.slice(0, Math.max(0, (begunBy[middle] ?? 0) - 1)));
          const { steps: left, worked } = run(new Map([...kept].filter(([key]) => done.has(key))));
          for (let at = 0; at <= middle; at++) await left.next();
          const before = worked.length;
          await left.return({});
          assert.equal((await left.next()).done, true);
          assert.equal(worked.length, before);
        }));

      it('says how far it is: never backwards, never beyond its end', () =>
        each(({ steps }) => {
          steps.forEach(({ sentence, done, total }, at) => {
            assert.match(sentence, /^[A-Z]/);
            assert.ok(done >= (steps[at - 1]?.done ?? 0) && done <= total, `${sentence}: ${done} of ${total}`);
          });
        }));

      it('a run that goes on behind kept steps gives what an uninterrupted one gives, and does none of them again', () =>
        eachAgain(async (run) => {
          const keys = [...run.kept.keys()];
          assert.ok(keys.length > 0, 'it keeps no step');
          // Behind the first step, half of them and all; for the other checkpoints half is enough.
          const half = Math.ceil(keys.length / 2);
          for (const count of new Set(run === runs[0] ? [1, half, keys.length] : [half])) {
            const kept = new Map([...run.kept].slice(0, count));
            const resumed = await recorded(run, kept);
            assert.deepEqual(resumed.result, run.result, `behind ${count} of ${keys.length} steps`);
            assert.deepEqual(resumed.worked, keys.slice(count));
          }
        }));

      if (readsPrompt(kind))
        it('an intervention that changes nothing changes no bit of the result', () =>
          eachAgain(async (run) => {
            const neutral = await recorded(await begun(run.of, gainOnAll(run, 1)));
            assert.deepEqual(neutral.result, run.result);
          }));

      if (readsPrompt(kind))
        it('heads in another order give the same results in that order', async () => {
          let compared = 0;
          for (const { name, first, second, orders } of permutedFor(analysis, permuted)) {
            if (compared > 0 && /^lla[mv]a/.test(name)) continue;
            const known = runs.find(({ of }) => of === first);
            const plain = known ?? (await begun(first));
            if (!analysis.supports(plain.runner.facts, plain.job.parameters).ok) continue;
            compared += 1;
            const moved = ({ layer, head }: HeadPlace): HeadPlace => ({
              layer,
              head: orders[layer]?.indexOf(head) ?? head,
            });
            const [expected, found] = [known ?? (await recorded(plain)), await recorded(await begun(second))].map(
              ({ result }) => analysis.sections(result),
            );
            assert.deepEqual(
              found?.map(({ id }) => id),
              expected?.map(({ id }) => id),
            );
            expected?.forEach((section, at) =>
              sameWithHeadsMoved(section, found?.[at], moved, `${name}, ${section.id}`),
            );
          }
          assert.ok(compared > 0, 'it supports none of the checkpoints');
        });

      const compare = (a: Result, b: Result): readonly Section[] => analysis.compare?.(a, b) ?? [];
      const comparing = 'a comparison of two results shows sections that fit; of a result with itself, no change';
      if (analysis.compare)
        it(comparing, () =>
          eachAgain(async (run) => {
            const interventions = readsPrompt(kind) ? gainOnAll(run, 0.5).slice(0, 1) : [];
            const changed = await recorded(await begun(run.of, interventions, 2));
            const different = compare(run.result, changed.result);
            assert.ok(different.length > 0);
            checkSections(different, run.runner.facts);
            checkSign(different, analysis.sections(run.result), analysis.sections(changed.result));
            const same = compare(run.result, run.result);
            checkSections(same, run.runner.facts);
            const changes = same.flatMap((section) => (section.kind === 'heads' ? section.numbers : []));
            for (const { title, scale, values } of changes) {
              const moved = values.flat().filter((value) => value !== 0 && !Number.isNaN(value));
              assert.deepEqual(scale.kind === 'diverging' ? moved : [], [], title);
            }
          }),
        );

      if (analysis.offers)
        it('offers interventions that the model takes', async () => {
          let offered = 0;
          await each(async ({ result, runner, job }) => {
            const made = analysis.offers?.(result) ?? [];
            offered += made.length;
            assert.equal(new Set(made.map(({ title }) => title)).size, made.length, 'two offers of one title');
            for (const { title, description, interventions, plan } of made) {
              if (plan) checkPlanOffered(plan, interventions, runner.facts);
              assert.ok(title !== '' && /^[A-Z].*\.$/.test(description), title);
              assert.ok(interventions.length > 0, title);
              const given = throughFile(interventionsField, interventions, title);
              assert.deepEqual(given, interventions);
              const [prompt] = job.input.prompts;
              if (prompt) await runner.variant(interventions, prompt);
            }
          });
          assert.ok(offered > 0, 'it offers nothing on any checkpoint');
        });

      it('answers what its sections say can be asked', () =>
        each(async ({ result, runner, job }) => {
          // A picture or a text that is asked for is opened as a request of its own.
          const opens = (section: Section): boolean => 'opensPictures' in section || 'opensTexts' in section;
          const askable = analysis.sections(result).filter((one) => one.ask !== undefined && !opens(one));
          assert.ok(
            askable.length === 0 || analysis.ask !== undefined,
            'sections can be asked, and the analysis answers nothing',
          );
          for (const section of askable) {
            const place = placeIn(section);
            if (!place) continue;
            const question = { section: section.id, place };
            const direct = { ...job, step: <T>(_: string, act: () => Promise<T>) => act() };
            const answer = await analysis.ask?.(runner, direct, result, question);
            checkSections(answer ? [answer] : [], runner.facts);
          }
        }));

      it('says what it will take', () =>
        each(({ runner, job }) => {
          const { passes, bytes } = analysis.estimate(runner.facts, job.input, job.parameters);
          assert.ok(Number.isFinite(passes) && passes >= 0 && Number.isFinite(bytes) && bytes >= 0);
        }));
    });
  }

  // A suite of its own, as Mocha runs the tests of a suite before the suites in it.
  describe('run again', () => {
    it('every checkpoint, several times', () => {
      for (const of of all) {
        const wanted = Math.min(5, chances.get(of.name) ?? 0);
        assert.ok(wanted > 0 && timesAgain(of) >= wanted, `${of.name}: ${timesAgain(of)} times of ${wanted}`);
      }
    });
  });
});

/** Something that can be asked of a section; undefined where it shows nothing. */
function placeIn(section: Section) {
  switch (section.kind) {
    case 'heads':
      return { kind: 'head', layer: 0, head: 0 } as const;
    case 'table':
      return section.rows.length > 0 ? ({ kind: 'row', row: 0 } as const) : undefined;
    case 'tokens':
      return section.tokens.length > 0 ? ({ kind: 'token', token: section.tokens.length - 1 } as const) : undefined;
    case 'graph': {
      const [node] = section.nodes;
      return node ? ({ kind: 'node', id: node.id } as const) : undefined;
    }
    case 'map':
    case 'matrix':
    case 'chart':
      return { kind: 'cell', row: 0, column: 0 } as const;
    case 'image':
    case 'experts':
    case 'text':
    case 'generations':
      return { kind: 'row', row: 0 } as const;
  }
}

/** Numbers and classes of heads, and rows that begin with a head. */
function sameWithHeadsMoved(
  expected: Section,
  found: Section | undefined,
  moved: (place: HeadPlace) => HeadPlace,
  what: string,
): void {
  assert.equal(found?.kind, expected.kind, what);
  if (expected.kind === 'heads' && found.kind === 'heads') {
    expected.numbers.forEach(({ name, values }, at) =>
      values.forEach((row, layer) =>
        row.forEach((value, head) => {
          const place = moved({ layer, head });
          near(found.numbers[at]?.values[layer]?.[place.head], value, `${what}: ${name} of L${layer}H${head}`);
        }),
      ),
    );
    const places = (of: readonly HeadPlace[] = []) => of.map(({ layer, head }) => `${layer}.${head}`).sort();
    expected.classes?.forEach(({ name, heads: of }, at) =>
      assert.deepEqual(places(found.classes?.[at]?.heads), places(of.map(moved)), `${what}: class ${name}`),
    );
    assert.equal(found.classes?.length, expected.classes?.length, what);
    assert.deepEqual(places(found.marked), places(expected.marked?.map(moved)), `${what}: marked`);
  }
  if (expected.kind === 'table' && found.kind === 'table') {
    assert.equal(found.rows.length, expected.rows.length, what);
    const at = expected.columns.findIndex(({ kind }) => kind === 'head');
    if (at < 0) return;
    for (const row of expected.rows) {
      const place = row[at];
      if (typeof place !== 'object' || place === null || 'of' in place) continue;
      const texts = (cells: typeof row) => JSON.stringify(cells.filter((cell) => typeof cell === 'string'));
      const there = found.rows.find(
        (other) => JSON.stringify(other[at]) === JSON.stringify(moved(place)) && texts(other) === texts(row),
      );
      assert.ok(there, `${what}: no row ${JSON.stringify(row)}`);
      row.forEach((cell, column) => {
        if (typeof cell === 'number') near(there[column], cell, `${what}: ${JSON.stringify(row)}`);
      });
    }
  }
}

function near(found: unknown, expected: number, what: string): void {
  if (Number.isNaN(expected)) assert.ok(Number.isNaN(found), what);
  else {
    const error = Math.abs(Number(found) - expected);
    assert.ok(error <= tolerance * Math.max(1, Math.abs(expected)), `${what}: ${String(found)}, not ${expected}`);
  }
}
